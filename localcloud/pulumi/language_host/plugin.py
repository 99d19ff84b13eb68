"""Plugins that are written in Python: policy packs, and providers of components."""

from __future__ import annotations

import queue
import threading
import tomllib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import language_pb2

from localcloud.pulumi.language_host.analyzer import AnalyzerProxy
from localcloud.pulumi.language_host.child import Child, Sink
from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError

ANALYZER = "analyzer"


class Plugin:
    """A plugin that the engine asked for, and its output in the form in which the engine gets it.

    Args:
        request: the engine's RunPluginRequest.
        toolchain: the plugin's environment.

    Raises:
        ToolchainError: it contains nothing that can be run, or cannot be started.
    """

    def __init__(self, request: Any, toolchain: Toolchain) -> None:
        self._responses: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._command = _command(request, toolchain)
        asked = dict(variable.split("=", 1) for variable in request.env)
        self._env = toolchain.environment({**asked, "PATH": asked.get("PATH", "")})
        self._child: Child | None = None
        self._proxy: AnalyzerProxy | None = None
        if request.kind == ANALYZER:
            self._cwd = Path(request.info.program_directory)
            self._proxy = AnalyzerProxy(self._start, self._print)
            self._print(f"{self._proxy.port}\n".encode())
        else:
            self._cwd = Path(request.pwd)
            self._start({}, self._print)

    def responses(self) -> Generator[Any]:
        """The plugin's output, and at the end its exit code."""
        while (response := self._responses.get()) is not None:
            yield response
            if response.WhichOneof("output") == "exitcode":
                return

    def end(self) -> None:
        """Kill the plugin."""
        if self._child:
            self._child.kill()
        if self._proxy:
            self._proxy.stop()
        self._responses.put(None)

    def _start(self, env: Mapping[str, str], stdout: Sink) -> Child:
        self._child = Child(self._command, env={**self._env, **env}, cwd=self._cwd, sinks=(stdout, self._print_error))
        threading.Thread(target=self._tell_end, args=(self._child,), daemon=True).start()
        return self._child

    def _tell_end(self, child: Child) -> None:
        self._responses.put(language_pb2.RunPluginResponse(exitcode=child.wait()))

    def _print(self, data: bytes) -> None:
        self._responses.put(language_pb2.RunPluginResponse(stdout=data))

    def _print_error(self, data: bytes) -> None:
        self._responses.put(language_pb2.RunPluginResponse(stderr=data))


def _command(request: Any, toolchain: Toolchain) -> list[str | Path]:
    folder = request.info.program_directory
    if request.kind == ANALYZER:
        return [toolchain.python, "-u", "-m", "pulumi.policy", *request.args, folder]
    if Path(folder, "__main__.py").is_file():
        return [toolchain.python, "-u", folder, *request.args]
    try:
        name = tomllib.loads(Path(folder, "pyproject.toml").read_text())["project"]["name"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise ToolchainError(f"{folder} has neither __main__.py nor a pyproject.toml that names a project") from error
    return [toolchain.python, "-u", "-m", "pulumi.run.plugin", name, *request.args]
