"""Processes of the host: a program, or a plugin that is written in Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from localcloud.pulumi.language_host.toolchain import Toolchain, start

Sink = Callable[[bytes], object]

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_GRACE: Final = 5.0  # seconds from an interrupt to the end by force, as in the official host
_CLEAN_UP: Final = 4.0  # seconds that an interrupted process has when the engine ends the host
_LAST_OUTPUT: Final = 1.0  # seconds in which processes that a child left behind may still print


class Child:
    """A process in a session of its own, which ends with this one.

    Its output comes through pipes. If it wrote to the host's own output, that would stay open as long as anything that
    the child started, and the engine waits for it to be closed.

    Args:
        sinks: functions that get the pieces of its standard output and of its standard error.

    Raises:
        ToolchainError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        sinks: tuple[Sink, Sink],
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self._process = start(command, env=env, cwd=cwd, stdin=stdin)
        self._ended = threading.Event()
        self.interrupted = False
        sources = (self._process.stdout, self._process.stderr)
        self._copies = [_copy(source, sink) for source, sink in zip(sources, sinks, strict=True) if source]

    def wait(self) -> int:
        """Wait for the end and the last output; return the exit code, or the negative number of a signal."""
        code = self._exit_code()
        self._ended.set()
        self._wait_for_output(_LAST_OUTPUT)
        return code

    def interrupt(self) -> None:
        """Ask the process to end, and kill it if it does not within some seconds."""
        if not self._ended.is_set():
            self.interrupted = True
            self._signal(signal.SIGINT)
            timer = threading.Timer(_GRACE, self.kill)
            timer.daemon = True
            timer.start()

    def kill(self) -> None:
        """Kill the process and everything that it started in its session."""
        self._signal(signal.SIGKILL)

    def end(self) -> None:
        """End the process; one that was interrupted gets some time to clean up and to report what it did."""
        if self.interrupted:
            self._ended.wait(_CLEAN_UP)
            self._wait_for_output(0.1)
        self.kill()

    def _wait_for_output(self, seconds: float) -> None:
        for copy in self._copies:
            copy.join(seconds)

    def _exit_code(self) -> int:
        if sys.platform != "linux":
            return self._process.wait()
        # The process stays a zombie, so that the number of its group is not given to another.
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None  # noqa: S101  it is None only with WNOHANG
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def _signal(self, number: int) -> None:
        # On macOS the process may be gone, and the group of a zombie refuses signals.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


class Program(Child):
    """A Pulumi program that has been started; it loads the SDK and then waits for `run`."""

    def __init__(self, toolchain: Toolchain) -> None:
        super().__init__(
            [toolchain.python, "-u", _LAUNCHER],  # unbuffered, so that no output is lost, however the program ends
            env=toolchain.environment(),
            sinks=(write_to(sys.stdout.buffer), write_to(sys.stderr.buffer)),
            stdin=subprocess.PIPE,
        )
        self.toolchain = toolchain
        self._begun = False

    def run(self, order: dict[str, Any]) -> int:
        """Let the program begin, and wait for its end; return its exit code."""
        assert self._process.stdin is not None  # noqa: S101  it was asked for
        self._begun = True
        with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code says how
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        return self.wait()

    def interrupt(self) -> None:
        """Ask the program to end; if it has not begun, it has nothing to clean up."""
        if self._begun:
            super().interrupt()
        else:
            self.kill()


def write_to(stream: IO[bytes]) -> Sink:
    """A sink that writes to a stream of this process at once."""

    def write(data: bytes) -> None:
        stream.write(data)
        stream.flush()

    return write


def _copy(source: IO[bytes], sink: Sink) -> threading.Thread:
    def copy() -> None:
        while chunk := os.read(source.fileno(), 65536):
            sink(chunk)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread
