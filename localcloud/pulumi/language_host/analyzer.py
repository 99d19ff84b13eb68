"""Policy packs: a proxy in the host starts a pack's server, because a pack reads the stack's settings when it starts.

The engine sends a pack the stack, its configuration and whether this is a preview by ConfigureStack, after it has
connected. Packs that use Python's SDK expect all of this in environment variables. So the engine connects to this
proxy, which starts the pack once it knows them, and passes everything else on.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import grpc
from pulumi.runtime.proto import analyzer_pb2

from localcloud.pulumi.language_host.child import Child, Sink
from localcloud.pulumi.language_host.toolchain import ToolchainError

MESSAGE_LIMITS: Final = (  # bytes; the limit of the SDK and of the engine
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
)
_CONFIGURE: Final = "/pulumirpc.Analyzer/ConfigureStack"


class AnalyzerProxy(grpc.GenericRpcHandler):
    """Serves `pulumirpc.Analyzer` for a policy pack, which it starts when it is first needed.

    Args:
        start: starts the pack with additional environment variables, and sends its standard output to the sink.
        show: gets the pack's output other than its port.
    """

    def __init__(self, start: Callable[[Mapping[str, str], Sink], Child], show: Sink) -> None:
        self._start, self._show = start, show
        self._lock = threading.Lock()
        self._pack: grpc.Channel | None = None
        self._server = grpc.server(ThreadPoolExecutor(32, "analyzer"), options=MESSAGE_LIMITS)
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        """Refuse further calls."""
        self._server.stop(None)

    def service(self, handler_call_details: Any) -> Any:
        """The handler of one method; requests and answers are passed on as bytes."""
        method: str = handler_call_details.method

        def answer(request: bytes, context: Any) -> bytes:
            if method.endswith("/Handshake") or (method.endswith("/Cancel") and not self._pack):
                return b""
            try:
                return self._configure(request) if method == _CONFIGURE else self._call(method, request)
            except ToolchainError as error:
                return context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            except grpc.RpcError as error:
                return _pass_error(error, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    def _configure(self, request: bytes) -> bytes:
        asked = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request)
        variables = {
            "PULUMI_ORGANIZATION": asked.organization,
            "PULUMI_PROJECT": asked.project,
            "PULUMI_STACK": asked.stack,
            "PULUMI_DRY_RUN": "true" if asked.dry_run else "false",
            "PULUMI_CONFIG": json.dumps(dict(asked.config)),
        }
        try:
            return self._call(_CONFIGURE, request, {name: value for name, value in variables.items() if value})
        except grpc.RpcError as error:
            if _code(error) == grpc.StatusCode.UNIMPLEMENTED:  # the pack knows it from its variables
                return b""
            raise

    def _call(self, method: str, request: bytes, env: Mapping[str, str] | None = None) -> bytes:
        with self._lock:
            if self._pack is None:
                self._pack = self._started(env or {})
        return self._pack.unary_unary(method)(request)

    def _started(self, env: Mapping[str, str]) -> grpc.Channel:
        output = _Output(self._show)
        child = self._start(env, output)
        threading.Thread(target=lambda: output.end(child.wait()), daemon=True).start()
        return grpc.insecure_channel(f"127.0.0.1:{output.port.result()}", options=MESSAGE_LIMITS)


class _Output:
    """A sink that reads the pack's port from its output and passes the other lines on."""

    def __init__(self, show: Sink) -> None:
        self.port: Future[int] = Future()
        self._show, self._begun = show, b""

    def __call__(self, data: bytes) -> None:
        while not self.port.done():
            line, end, data = (self._begun + data).partition(b"\n")
            if not end:
                self._begun = line
                return
            self._begun = b""
            if line.strip().isdigit():
                self.port.set_result(int(line))
            else:  # printed by the pack's own code before it serves
                self._show(line + end)
        if data:
            self._show(data)

    def end(self, code: int) -> None:
        if not self.port.done():
            self.port.set_exception(ToolchainError(f"The policy pack ended with exit code {code} before it served"))


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    return error.code()  # pyright: ignore[reportAttributeAccessIssue]  the error of a channel is a Call, too


def _pass_error(error: grpc.RpcError, context: Any) -> Any:
    context.set_trailing_metadata(error.trailing_metadata() or ())  # pyright: ignore[reportAttributeAccessIssue]  the error of a channel is a Call, too
    return context.abort(_code(error), error.details())  # pyright: ignore[reportAttributeAccessIssue]  the error of a channel is a Call, too
