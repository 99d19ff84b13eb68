"""Plugins that are written in Python: providers of components, and policy packs."""

from __future__ import annotations

import json
import queue
import threading
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import grpc
from pulumi.runtime.proto import analyzer_pb2, language_pb2

from localcloud.pulumi.language_host.child import Child
from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError

MESSAGE_LIMIT: Final = (("grpc.max_receive_message_length", 400 * 1024 * 1024),)  # bytes, as in the SDK and the engine


class Plugin:
    """A plugin that the engine asked for by a RunPluginRequest.

    Attributes:
        responses: its output and at last its exit code, in the form in which the engine gets them; None ends them.
    """

    def __init__(self, request: Any, toolchain: Toolchain) -> None:
        self.responses: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._request, self._toolchain = request, toolchain
        self._child: Child | None = None

    def begin(self) -> None:
        """Start the plugin.

        Raises:
            ToolchainError: it contains nothing that can be run, or cannot be started.
        """
        folder = self._request.info.program_directory
        if Path(folder, "__main__.py").is_file():
            self._start(self._request.pwd, [folder])
            return
        try:
            name = tomllib.loads(Path(folder, "pyproject.toml").read_text())["project"]["name"]
        except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
            raise ToolchainError(
                f"{folder} has neither __main__.py nor a pyproject.toml that names a project"
            ) from error
        self._start(self._request.pwd, ["-m", "pulumi.run.plugin", name])

    def end(self) -> None:
        """Kill the plugin."""
        if self._child:
            self._child.kill()
        self.responses.put(None)

    def _start(self, cwd: str, program: list[str], *last: str, **variables: str) -> None:
        asked = dict(variable.split("=", 1) for variable in self._request.env)
        self._child = Child(
            [self._toolchain.python, "-u", *program, *self._request.args, *last],
            env=self._toolchain.environment({"PATH": "", **asked}) | variables,
            cwd=Path(cwd),
            sinks=(self._print, lambda data: self._respond(stderr=data)),
        )
        threading.Thread(target=lambda child: self._ended(child.wait()), args=(self._child,), daemon=True).start()

    def _print(self, data: bytes) -> None:
        self._respond(stdout=data)

    def _ended(self, code: int) -> None:
        self._respond(exitcode=code)
        self.responses.put(None)

    def _respond(self, **output: Any) -> None:
        self.responses.put(language_pb2.RunPluginResponse(**output))


class PolicyPack(Plugin, grpc.GenericRpcHandler):
    """A policy pack, and a proxy that starts the pack's server, because a pack reads the stack's settings as it starts.

    The engine sends a pack the stack, its configuration and whether this is a preview by ConfigureStack, after it has
    connected. Packs that use Python's SDK expect all of this in environment variables. So the engine connects to this
    proxy, which starts the pack once it knows them, and passes everything else on as bytes.
    """

    def __init__(self, request: Any, toolchain: Toolchain) -> None:
        super().__init__(request, toolchain)
        self._lock = threading.Lock()
        self._pack: grpc.Channel | None = None
        self._port: Future[int] = Future()
        self._begun = b""
        self._server = grpc.server(ThreadPoolExecutor(32, "analyzer"), [self], options=MESSAGE_LIMIT)

    def begin(self) -> None:
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        super()._print(f"{port}\n".encode())

    def end(self) -> None:
        self._server.stop(None)
        super().end()

    def service(self, handler_call_details: Any) -> Any:
        """The handler of one method of `pulumirpc.Analyzer`."""
        method: str = handler_call_details.method

        def answer(request: bytes, context: Any) -> bytes:
            if not self._pack and method.endswith(("/Handshake", "/Cancel")):
                return b""
            try:
                return self._connect(_settings(method, request)).unary_unary(method)(request)
            except ToolchainError as error:
                return context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            except grpc.RpcError as error:
                call: Any = error  # of a channel
                context.set_trailing_metadata(call.trailing_metadata() or ())
                return context.abort(call.code(), call.details())

        return grpc.unary_unary_rpc_method_handler(answer)

    def _connect(self, settings: dict[str, str]) -> grpc.Channel:
        with self._lock:
            if self._pack is None:
                folder = self._request.info.program_directory
                self._start(folder, ["-m", "pulumi.policy"], folder, **settings)
                self._pack = grpc.insecure_channel(f"127.0.0.1:{self._port.result()}", options=MESSAGE_LIMIT)
            return self._pack

    def _print(self, data: bytes) -> None:
        """Read the pack's port from its output, and pass the other lines on."""
        while not self._port.done():
            line, end, data = (self._begun + data).partition(b"\n")
            if not end:
                self._begun = line
                return
            self._begun = b""
            if line.strip().isdigit():
                self._port.set_result(int(line))
            else:  # printed by the pack's own code before it serves
                super()._print(line + end)
        if data:
            super()._print(data)

    def _ended(self, code: int) -> None:
        if not self._port.done():
            self._port.set_exception(ToolchainError(f"The policy pack ended with exit code {code} before it served"))
        super()._ended(code)


def _settings(method: str, request: bytes) -> dict[str, str]:
    """The variables in which the SDK expects what ConfigureStack says; other methods say nothing."""
    if not method.endswith("/ConfigureStack"):
        return {}
    stack = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request)
    variables = {
        "PULUMI_ORGANIZATION": stack.organization,
        "PULUMI_PROJECT": stack.project,
        "PULUMI_STACK": stack.stack,
        "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(stack.config)),
    }
    return {name: value for name, value in variables.items() if value}
