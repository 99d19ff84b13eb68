"""The service `pulumirpc.LanguageRuntime` for programs and plugins in Python."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from localcloud.pulumi.language_host.analyzer import MESSAGE_LIMITS
from localcloud.pulumi.language_host.child import Child, Program, writer
from localcloud.pulumi.language_host.plugin import ANALYZER, Plugin
from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError

_PACKAGES: Final = str(Path(__file__).with_name("packages.py"))
# Each update asks for these; running pip to get its version would take a quarter of a second.
_FACTS: Final = """\
import platform, sys
from importlib import metadata
print(sys.executable, platform.python_version(), metadata.version("pip"), sep="\\n")"""
_INSTEAD: Final = {"GenerateProgram": ": pass --generate-code=false to `pulumi import`"}
_INTERRUPTED: Final = 130  # its exit code after a SIGINT
_SHOWN: Final = 32  # the exit code of a program that has shown its error to the user


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine's calls.

    Args:
        engine_address: `host:port` of the engine; a handshake may give another.
    """

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._children: set[Child | Plugin] = set()
        self._loaded: Program | None = None

    def exit(self, code: int) -> NoReturn:
        """End this process and everything that it runs, at once unless an interrupted program is still cleaning up."""
        for child in list(self._children):
            child.end()
        os._exit(code)

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """The plugins that the environment's packages need; the engine asks before it runs the program."""
        toolchain = Toolchain.of(request.info)
        if toolchain.absent:
            for printed in toolchain.install(Path(request.info.program_directory)):
                writer(1)(printed)
        toolchain.check()
        self._load(toolchain)
        needed = {"packages": json.loads(toolchain.output(_PACKAGES))}
        return json_format.ParseDict(needed, language_pb2.GetRequiredPackagesResponse(), ignore_unknown_fields=True)

    def Run(self, request: Any, context: Any) -> Any:
        if request.attach_debugger:
            return language_pb2.RunResponse(error="This language host cannot attach a debugger")
        toolchain = Toolchain.of(request.info)
        toolchain.check()
        toolchain.typecheck(Path(request.info.program_directory))
        program = self._load(toolchain)
        self._loaded = None
        context.add_callback(program.interrupt)
        return _outcome(program, program.run(self._order(request)))

    def RunPlugin(self, request: Any, context: Any) -> Generator[Any]:
        toolchain = Toolchain.of(request.info, plugin=request.kind != ANALYZER)
        toolchain.check()
        plugin = Plugin(request, toolchain)
        self._children.add(plugin)
        context.add_callback(plugin.end)
        yield from plugin.responses()

    def InstallDependencies(self, request: Any, context: Any) -> Generator[Any]:
        toolchain = Toolchain.of(request.info, plugin=request.is_plugin)
        for printed in toolchain.install(Path(request.info.program_directory)):
            yield language_pb2.InstallDependenciesResponse(stdout=printed)

    def About(self, request: Any, context: Any) -> Any:
        toolchain = Toolchain.of(request.info)
        executable, version, pip = toolchain.output("-c", _FACTS).splitlines()
        return language_pb2.AboutResponse(
            executable=executable,
            version=version,
            metadata={"toolchain": "Pip", "toolchainVersion": pip, "typechecker": toolchain.typechecker or "None"},
        )

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        listing = [
            "-m",
            "pip",
            "list",
            "--format",
            "json",
            *(() if request.transitiveDependencies else ("--not-required",)),
        ]
        listed = json.loads(Toolchain.of(request.info).output(*listing))
        found = [
            language_pb2.DependencyInfo(name=re.sub(r"[-_.]+", "-", entry["name"]).lower(), version=entry["version"])
            for entry in listed
        ]
        return language_pb2.GetProgramDependenciesResponse(dependencies=found)

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """What `pulumi new` asks the user: the folder of the virtual environment, if the options do not name it."""
        options = json_format.MessageToDict(request.info.options)
        prompts = [_prompt("toolchain", "The toolchain to use for installing dependencies", "pip")]
        if options.get("toolchain") == "pip":
            prompts.append(_prompt("virtualenv", "The virtualenv to use", "venv"))
        return language_pb2.RuntimeOptionsResponse(prompts=[prompt for prompt in prompts if prompt.key not in options])

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

    def _order(self, request: Any) -> dict[str, Any]:
        return {
            "directory": request.pwd,
            "entry": request.info.entry_point,
            "arguments": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "settings": {
                "monitor": request.monitor_address,
                "engine": self._engine_address,
                "project": request.project,
                "stack": request.stack,
                "parallel": request.parallel,
                "dry_run": request.dryRun,
                "organization": request.organization or None,
                "root_directory": request.info.root_directory,
            },
        }


class Errors(grpc.ServerInterceptor):
    """Return errors that the user can fix as their message, and name the methods that this host does not have."""

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        handler = continuation(handler_call_details)
        name = handler_call_details.method.rpartition("/")[2]
        if handler is None:
            return None
        if getattr(LanguageHost, name) is getattr(language_pb2_grpc.LanguageRuntimeServicer, name):
            text = f"{name} is not part of this language host{_INSTEAD.get(name, '')}"
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
            )
        if handler.response_streaming:
            return handler._replace(unary_stream=_reporting_stream(handler.unary_stream))
        return handler._replace(unary_unary=_reporting(handler.unary_unary))


def _reporting(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, context: Any) -> Any:
        try:
            return method(request, context)
        except ToolchainError as error:
            return context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return answer


def _reporting_stream(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, context: Any) -> Generator[Any]:
        try:
            yield from method(request, context)
        except ToolchainError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return answer


def _outcome(program: Program, code: int) -> Any:
    if code == 0:
        return language_pb2.RunResponse()
    if code == _SHOWN or program.interrupted:
        return language_pb2.RunResponse(bail=True)
    if code == _INTERRUPTED:
        return language_pb2.RunResponse(error="program was interrupted")
    if code < 0:
        return language_pb2.RunResponse(error=f"program was ended by {signal.Signals(-code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


def _prompt(key: str, description: str, default: str) -> Any:
    value = language_pb2.RuntimeOptionPrompt.RuntimeOptionValue(stringValue=default, displayName=default)
    return language_pb2.RuntimeOptionPrompt(key=key, description=description, choices=[value], default=value)


def start(host: LanguageHost) -> tuple[grpc.Server, int]:
    """Serve on a free port of the loopback; return the server, which ends with its last reference, and the port."""
    options = [*MESSAGE_LIMITS, ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(32, "rpc"), interceptors=[Errors()], options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
