"""Processes of the host: a program, or a plugin that is written in Python."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

import grpc
from pulumi.runtime.proto import analyzer_pb2, language_pb2

from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError, pieces, start

MESSAGE_LIMIT: Final = (("grpc.max_receive_message_length", 400 * 1024 * 1024),)  # bytes, as in the SDK and the engine
_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_GRACE: Final = 5.0  # seconds from an interrupt to the end by force, as in the official host
_CLEAN_UP: Final = 4.0  # seconds that an interrupted program has when the engine ends the host
_LAST_OUTPUT: Final = 1.0  # seconds in which processes that a child left behind may still print


def write(stream: IO[bytes], data: bytes) -> None:
    """Write to a stream of this process at once."""
    stream.write(data)
    stream.flush()


class Child:
    """A process in a session of its own, which ends with this one.

    Its output comes through pipes. If it wrote to the host's own output, that would stay open as long as anything that
    the child started, and the engine waits for it to be closed.

    Args:
        sinks: functions that get the pieces of its standard output and of its standard error.
        options: those of `toolchain.start`.

    Raises:
        ToolchainError: it cannot be started.
    """

    def __init__(self, command: Sequence[str | Path], *sinks: Callable[[bytes], None], **options: Any) -> None:
        self._process = start(command, **options)
        self._ended = threading.Event()
        sources = (self._process.stdout, self._process.stderr)
        self._copies = [
            threading.Thread(target=_copy, args=pair, daemon=True) for pair in zip(sources, sinks, strict=True)
        ]
        for copy in self._copies:
            copy.start()

    def wait(self) -> int:
        """Wait for the end and the last output; return the exit code, or the negative number of a signal."""
        code = self._exit_code()
        self._ended.set()
        self._wait_for_output(_LAST_OUTPUT)
        return code

    def kill(self) -> None:
        """Kill the process and everything that it started in its session."""
        self._signal(signal.SIGKILL)

    def _wait_for_output(self, seconds: float) -> None:
        for copy in self._copies:
            copy.join(seconds)

    def _exit_code(self) -> int:
        if sys.platform != "linux":
            return self._process.wait()
        # The process stays a zombie, so that the number of its group is not given to another.
        ended: Any = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses to signal a zombie's group
                os.killpg(self._process.pid, number)


class Program(Child):
    """A Pulumi program that has been started; it loads the SDK and then waits for `run`."""

    def __init__(self, toolchain: Toolchain) -> None:
        super().__init__(
            [toolchain.python, "-u", _LAUNCHER],  # unbuffered, so that no output is lost, however the program ends
            functools.partial(write, sys.stdout.buffer),
            functools.partial(write, sys.stderr.buffer),
            env=toolchain.environment(),
            stdin=subprocess.PIPE,
        )
        self.toolchain = toolchain
        self.interrupted = False
        self._begun = False

    def run(self, order: dict[str, Any]) -> int:
        """Let the program begin, and wait for its end; return its exit code."""
        self._begun = True
        orders: Any = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code says how
            write(orders, json.dumps(order).encode() + b"\n")
        return self.wait()

    def interrupt(self) -> None:
        """Ask the program to end, and kill it if it does not within some seconds or has nothing to clean up."""
        if not self._begun:
            self.kill()
        elif not self._ended.is_set():
            self.interrupted = True
            self._signal(signal.SIGINT)
            timer = threading.Timer(_GRACE, self.kill)
            timer.daemon = True
            timer.start()

    def end(self) -> None:
        """End the program; one that was interrupted gets some time to clean up and to report what it did."""
        if self.interrupted:
            self._ended.wait(_CLEAN_UP)
            self._wait_for_output(0.1)
        self.kill()


def _copy(source: Any, sink: Callable[[bytes], None]) -> None:
    for piece in pieces(source):
        sink(piece)


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
            self._print,
            lambda data: self._respond(stderr=data),
            env=self._toolchain.environment({"PATH": "", **asked}) | variables,
            cwd=Path(cwd),
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
