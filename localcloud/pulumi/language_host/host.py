"""The service `pulumirpc.LanguageRuntime` for programs and plugins in Python."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, plugin_pb2

from localcloud.pulumi.language_host.processes import Plugin, PolicyPack, Program, write
from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError

_PACKAGES: Final = Path(__file__).with_name("packages.py")
# Each update asks for these; running pip to get its version would take a quarter of a second.
_FACTS: Final = """\
import platform, sys
from importlib import metadata
print(sys.executable, platform.python_version(), metadata.version("pip"), sep="\\n")"""
_INTERRUPTED: Final = 130  # its exit code after a SIGINT
_SHOWN: Final = 32  # the exit code of a program that has shown its error to the user


class LanguageHost:
    """Answers the engine's calls.

    Args:
        engine_address: `host:port` of the engine; a handshake may give another.
    """

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._children: set[Program | Plugin] = set()
        self._loaded: Program | None = None

    def exit(self, code: int) -> NoReturn:
        """End this process and everything that it runs, at once unless an interrupted program is still cleaning up."""
        for child in list(self._children):
            child.end()
        os._exit(code)

    def __getattr__(self, name: str) -> Callable[[Any, Any], Any]:
        """A method of the service that this host does not have."""
        instead = ": pass --generate-code=false to `pulumi import`" if name == "GenerateProgram" else ""
        text = f"{name} is not part of this language host{instead}"
        return lambda request, context: context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        from importlib import metadata  # noqa: PLC0415  an update does not ask for this, and would wait for the import

        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """The plugins that the environment's packages need; the engine asks before it runs the program."""
        with _reporting(context):
            toolchain = Toolchain.of(request.info)
            if toolchain.absent:
                for printed in toolchain.install(Path(request.info.program_directory)):
                    write(sys.stdout.buffer, printed)
            toolchain.check()
            self._load(toolchain)
            needed = toolchain.output(_PACKAGES)
            return json_format.Parse(needed, language_pb2.GetRequiredPackagesResponse(), ignore_unknown_fields=True)

    def Run(self, request: Any, context: Any) -> Any:
        if request.attach_debugger:
            return language_pb2.RunResponse(error="This language host cannot attach a debugger")
        with _reporting(context):
            toolchain = Toolchain.of(request.info)
            toolchain.check()
            toolchain.typecheck(Path(request.info.program_directory))
            program = self._load(toolchain)
            self._loaded = None
            context.add_callback(program.interrupt)
            order = json_format.MessageToDict(
                request, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            return _outcome(program.run({**order, "engine": self._engine_address}), interrupted=program.interrupted)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        with _reporting(context):
            is_pack = request.kind == "analyzer"
            toolchain = Toolchain.of(request.info, plugin=not is_pack)
            toolchain.check()
            plugin = (PolicyPack if is_pack else Plugin)(request, toolchain)
            self._children.add(plugin)
            context.add_callback(plugin.end)
            for name, value in plugin.events():
                yield language_pb2.RunPluginResponse(**{name: value})

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        with _reporting(context):
            toolchain = Toolchain.of(request.info, plugin=request.is_plugin)
            for printed in toolchain.install(Path(request.info.program_directory)):
                yield language_pb2.InstallDependenciesResponse(stdout=printed)

    def About(self, request: Any, context: Any) -> Any:
        with _reporting(context):
            toolchain = Toolchain.of(request.info)
            executable, version, pip = _facts(toolchain)
            facts = {"toolchain": "Pip", "toolchainVersion": pip, "typechecker": toolchain.typechecker or "None"}
            return language_pb2.AboutResponse(executable=executable, version=version, metadata=facts)

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        with _reporting(context):
            which = [] if request.transitiveDependencies else ["--not-required"]
            listed = json.loads(Toolchain.of(request.info).output("-m", "pip", "list", "--format", "json", *which))
            answer = language_pb2.GetProgramDependenciesResponse()
            for entry in listed:
                answer.dependencies.add(name=re.sub(r"[-_.]+", "-", entry["name"]).lower(), version=entry["version"])
            return answer

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """The questions of `pulumi new`: the toolchain, then the virtual environment, unless the options name them."""
        options = json_format.MessageToDict(request.info.options)
        prompts: list[Any] = []
        if "toolchain" not in options:
            prompts.append(_prompt("toolchain", "The toolchain to use for installing dependencies", "pip"))
        elif options["toolchain"] == "pip" and "virtualenv" not in options:
            prompts.append(_prompt("virtualenv", "The virtualenv to use", "venv"))
        return language_pb2.RuntimeOptionsResponse(prompts=prompts)

    def Cancel(self, request: Any, context: Any) -> Any:
        for child in list(self._children):
            if isinstance(child, Program):
                child.interrupt()
        return empty_pb2.Empty()

    def _load(self, toolchain: Toolchain) -> Program:
        if self._loaded is None or self._loaded.toolchain != toolchain:
            self._loaded = Program(toolchain)
            self._children.add(self._loaded)
        return self._loaded


@contextlib.contextmanager
def _reporting(context: Any) -> Generator[None]:
    """Return an error that the user can fix as its message."""
    try:
        yield
    except ToolchainError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _facts(toolchain: Toolchain) -> tuple[str, ...]:
    """Path and version of the interpreter, and the version of pip; of this interpreter it needs no process to tell."""
    if toolchain.python != Path(sys.executable):
        return tuple(toolchain.output("-c", _FACTS).splitlines())
    import platform  # noqa: PLC0415  the host that runs the program does not need it
    from importlib import metadata  # noqa: PLC0415  nor this

    return sys.executable, platform.python_version(), metadata.version("pip")


def _outcome(code: int, *, interrupted: bool) -> Any:
    if code == 0:
        return language_pb2.RunResponse()
    if code == _SHOWN or interrupted:
        return language_pb2.RunResponse(bail=True)
    if code == _INTERRUPTED:
        return language_pb2.RunResponse(error="program was interrupted")
    if code < 0:
        return language_pb2.RunResponse(error=f"program was ended by {signal.Signals(-code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


def _prompt(key: str, description: str, default: str) -> Any:
    value: Any = {"stringValue": default, "displayName": default}
    return language_pb2.RuntimeOptionPrompt(key=key, description=description, choices=[value], default=value)
