"""The service `pulumirpc.LanguageRuntime` for programs and plugins in Python."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from localcloud.pulumi.language_host.program import Program
from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError

_MESSAGE_LIMIT = 400 * 1024 * 1024  # bytes; what the SDK and the engine allow
_SHOWN = 32  # the program's exit code that says: the user has been told why


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine; methods that it does not define answer Unimplemented.

    Args:
        engine_address: `host:port` of the engine; a handshake may bring another.
    """

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._programs: set[Program] = set()

    def exit(self, code: int) -> NoReturn:
        """End this process and what runs in its programs, at once."""
        for program in list(self._programs):
            program.kill()
        os._exit(code)

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def Run(self, request: Any, context: Any) -> Any:
        try:
            toolchain = Toolchain.of(request.info)
        except ToolchainError as error:
            return language_pb2.RunResponse(error=str(error))
        program = Program(toolchain)
        self._programs.add(program)
        context.add_callback(program.interrupt)
        code = program.run(self._order(request))
        self._programs.discard(program)
        return _outcome(code)

    def Cancel(self, request: Any, context: Any) -> Any:
        for program in list(self._programs):
            program.interrupt()
        return empty_pb2.Empty()

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


def _outcome(code: int) -> Any:
    if code == _SHOWN:
        return language_pb2.RunResponse(bail=True)
    if code == 0:
        return language_pb2.RunResponse()
    if code < 0:
        return language_pb2.RunResponse(error=f"program was ended by signal {-code}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


def serve(host: LanguageHost) -> None:
    """Serve until the engine goes away."""
    parent = os.getppid()
    limits = [("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.max_send_message_length", _MESSAGE_LIMIT)]
    server = grpc.server(ThreadPoolExecutor(32, "rpc"), options=[*limits, ("grpc.so_reuseport", 0)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == parent:
        time.sleep(0.2)
    host.exit(1)
