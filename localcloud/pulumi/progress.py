"""Word of how a long wait goes, to the engine that shows it beside the resource while it lasts."""

from __future__ import annotations

import sys
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_SECONDS = 2.0  # no work waits longer than this for a word to be heard


class EngineLog:
    """The engine's log, reached at the address that it started this plugin with; without one, words are lost."""

    def __init__(self, arguments: list[str]) -> None:
        addresses = [argument for argument in arguments if argument.startswith("127.0.0.1:")]
        self._address = addresses[-1] if addresses else ""
        self._stub: Any = None

    def say(self, urn: str, message: str) -> None:
        """Show a message in place of the last one about this resource; it is not kept."""
        if not self._address:
            return
        try:
            if self._stub is None:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
            request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=urn, ephemeral=True)
            self._stub.Log(request, timeout=_SECONDS)
        except grpc.RpcError:
            self._address = ""  # an engine that does not listen is not asked again


ENGINE_LOG = EngineLog(sys.argv[1:])
