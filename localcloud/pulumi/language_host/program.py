"""The process in which the user's program runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, Any

from localcloud import process
from localcloud.pulumi.language_host.toolchain import Toolchain

_LAUNCHER = Path(__file__).with_name("launcher.py")
_GRACE = 5.0  # seconds from an interrupt to the end by force
_LAST_OUTPUT = 1.0  # seconds in which what the program left behind may still print


class Program:
    """A program that has been started; it loads the SDK and waits for `run` before it does anything."""

    def __init__(self, toolchain: Toolchain) -> None:
        self._process = process.popen([toolchain.python, "-u", _LAUNCHER], stdin=subprocess.PIPE, env=toolchain.env)
        self._copies = [_copy(self._process.stdout, 1), _copy(self._process.stderr, 2)]

    def run(self, order: dict[str, Any]) -> int:
        """Tell the program to begin, and wait for its end and for the last of its output; its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        code = self._process.wait()
        for copy in self._copies:
            copy.join(_LAST_OUTPUT)
        return code

    def interrupt(self) -> None:
        """Ask the program to end, and end it when it does not within some seconds."""
        if self._process.poll() is None:
            self._signal(signal.SIGINT)
            threading.Timer(_GRACE, self.kill).start()

    def kill(self) -> None:
        """End the program, with all that it started in its session."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _copy(source: IO[bytes] | None, target: int) -> threading.Thread:
    assert source is not None

    def copy() -> None:
        while chunk := os.read(source.fileno(), 65536):
            while chunk:
                chunk = chunk[os.write(target, chunk) :]

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread
