"""Processes of the host: a program, or a plugin that is written in Python."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import grpc
from pulumi.runtime.proto import analyzer_pb2

from localcloud.pulumi.language_host.toolchain import Toolchain, ToolchainError, start
from localcloud.pulumi.server import MESSAGE_LIMIT

# The name and the value of a field of RunPluginResponse: stdout, stderr or, at last, exitcode.
Event: TypeAlias = tuple[str, Any]

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_GRACE: Final = 5.0  # seconds from an interrupt to the end by force, as in the official host
_CLEAN_UP: Final = 4.0  # seconds that an interrupted program has when the engine ends the host
_LAST_OUTPUT: Final = 1.0  # seconds in which processes that a child left behind may still print


class Child:
    """A process in a session of its own, which ends with this one.

    Its output comes through pipes. If it wrote to the host's own output, that would stay open as long as anything that
    the child started, and the engine waits for it to be closed.

    Args:
        by_line: whether each event of its output is a line.
        options: those of `toolchain.start`.

    Raises:
        ToolchainError: it cannot be started.
    """

    def __init__(self, command: Sequence[str | Path], *, by_line: bool = False, **options: Any) -> None:
        self._process = start(command, **options)
        self._by_line = by_line
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._copies = [threading.Thread(target=self._copy, args=(name,), daemon=True) for name in ("stdout", "stderr")]
        for thread in (*self._copies, threading.Thread(target=self._wait, daemon=True)):
            thread.start()

    def events(self) -> Iterator[Event]:
        """Yield the output of the process, and at last its exit code or the negative number of a signal."""
        name = ""
        while name != "exitcode":
            name, value = self._events.get()
            yield name, value

    def signal(self, number: int) -> None:
        """Send a signal to the process and everything that it started in its session."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses to signal a zombie's group
                os.killpg(self._process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def _copy(self, name: str) -> None:
        source: Any = getattr(self._process, name)
        for piece in source if self._by_line else iter(lambda: os.read(source.fileno(), 65536), b""):
            self._events.put((name, piece))

    def _wait(self) -> None:
        code = self._exit_code()
        for copy in self._copies:
            copy.join(_LAST_OUTPUT)
        self._events.put(("exitcode", code))

    def _exit_code(self) -> int:
        if sys.platform != "linux":
            return self._process.wait()
        # The process stays a zombie, so that the number of its group is not given to another.
        ended: Any = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


class Program(Child):
    """A Pulumi program that has been started; it loads the SDK and then waits for `run`."""

    def __init__(self, toolchain: Toolchain) -> None:
        # Unbuffered, so that no output is lost, however the program ends.
        command = [toolchain.python, "-u", _LAUNCHER]
        super().__init__(command, env=toolchain.environment(), stdin=subprocess.PIPE)
        self.toolchain = toolchain
        self.interrupted = self._begun = False
        self._ended = threading.Event()

    def run(self, order: dict[str, Any]) -> int:
        """Let the program begin, and show what it prints until its end; return its exit code."""
        self._begun = True
        orders: Any = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code says how
            write(orders, json.dumps(order).encode() + b"\n")
        code = 0
        for name, value in self.events():
            if name == "exitcode":
                code = value
            else:
                write(sys.stdout.buffer if name == "stdout" else sys.stderr.buffer, value)
        self._ended.set()
        return code

    def interrupt(self) -> None:
        """Ask the program to end, and kill it if it does not within some seconds or has nothing to clean up."""
        if not self._begun:
            self.kill()
        elif not self._ended.is_set():
            self.interrupted = True
            self.signal(signal.SIGINT)
            threading.Timer(_GRACE, self.kill).start()

    def end(self) -> None:
        """End the program; one that was interrupted gets some time to clean up and to report what it did."""
        if self.interrupted:
            self._ended.wait(_CLEAN_UP)
        self.kill()


def write(stream: IO[bytes], data: bytes) -> None:
    """Write to a stream of this process at once."""
    stream.write(data)
    stream.flush()


class Plugin:
    """A plugin that the engine asked for by a RunPluginRequest; it starts with the first call of `events`."""

    def __init__(self, request: Any, toolchain: Toolchain) -> None:
        self._request, self._toolchain = request, toolchain
        self._child: Child | None = None

    def events(self) -> Iterator[Event]:
        """Start the plugin, and yield its output and its exit code.

        Raises:
            ToolchainError: it contains nothing that can be run, or cannot be started.
        """
        import tomllib  # noqa: PLC0415  few plugins need it

        folder = self._request.info.program_directory
        if Path(folder, "__main__.py").is_file():
            return self._start(self._request.pwd, [folder]).events()
        try:
            name = tomllib.loads(Path(folder, "pyproject.toml").read_text("utf-8"))["project"]["name"]
        except (OSError, LookupError, TypeError, ValueError) as error:
            text = f"{folder} has neither __main__.py nor a pyproject.toml that names a project"
            raise ToolchainError(text) from error
        return self._start(self._request.pwd, ["-m", "pulumi.run.plugin", name]).events()

    def end(self) -> None:
        """Kill the plugin."""
        if self._child:
            self._child.kill()

    def _start(self, cwd: str, program: list[str], *last: str, **variables: str) -> Child:
        asked = dict(variable.split("=", 1) for variable in self._request.env)
        self._child = Child(
            [self._toolchain.python, "-u", *program, *self._request.args, *last],
            env=self._toolchain.environment({"PATH": "", **asked}) | variables,
            cwd=Path(cwd),
            by_line=True,
        )
        return self._child


class PolicyPack(Plugin, grpc.GenericRpcHandler):
    """A policy pack, and a proxy that starts the pack's server, because a pack reads the stack's settings as it starts.

    The engine sends a pack the stack, its configuration and whether this is a preview by ConfigureStack, after it has
    connected. Packs that use Python's SDK expect all of this in environment variables. So the engine connects to this
    proxy, which starts the pack once it knows them, and passes everything else on as bytes.
    """

    def __init__(self, request: Any, toolchain: Toolchain) -> None:
        super().__init__(request, toolchain)
        self._lock = threading.Lock()
        self._started: queue.SimpleQueue[Child | None] = queue.SimpleQueue()
        self._pack: Future[grpc.Channel] = Future()
        self._server = grpc.server(ThreadPoolExecutor(32, "analyzer"), [self], options=MESSAGE_LIMIT)

    def events(self) -> Iterator[Event]:
        """Serve the proxy and yield its port, then the pack's output without the pack's own port."""
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        yield "stdout", f"{port}\n".encode()
        child = self._started.get()
        for name, value in child.events() if child else ():
            if name == "stdout" and value.strip().isdigit() and not self._pack.done():
                self._pack.set_result(grpc.insecure_channel(f"127.0.0.1:{int(value)}", options=MESSAGE_LIMIT))
                continue
            if name == "exitcode" and not self._pack.done():
                text = f"The policy pack ended with exit code {value} before it served"
                self._pack.set_exception(ToolchainError(text))
            yield name, value

    def end(self) -> None:
        self._server.stop(None)
        self._started.put(None)
        super().end()

    def service(self, handler_call_details: Any) -> Any:
        """The handler of one method of `pulumirpc.Analyzer`."""
        method: str = handler_call_details.method

        def answer(request: bytes, context: Any) -> bytes:
            if not self._child and method.endswith(("/Handshake", "/Cancel")):
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
            if not self._child:
                folder = self._request.info.program_directory
                self._started.put(self._start(folder, ["-m", "pulumi.policy"], folder, **settings))
        return self._pack.result()


def _settings(method: str, request: bytes) -> dict[str, str]:
    """The SDK's environment variables for the settings in a ConfigureStack; empty for other methods."""
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
