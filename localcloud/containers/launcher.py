"""Starts the fork server, once in each process, and sends it the containers that it is to start."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from typing import Final

from localcloud.containers.images import IMAGES, ContainerError
from localcloud.containers.zygote import LENGTH, NUMBER, READY, LaunchRequest
from localcloud.home import CHECKOUT, home

_START_SECONDS: Final = 60
# Libraries read these when they are loaded: each process computes with one thread, and the fork server starts no other.
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Python warns that the package has loaded the module already; it holds constants and functions, so that does no harm.
_QUIETLY: Final = ("-W", "ignore::RuntimeWarning:runpy")
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class ForkedProcess:
    """A process that the fork server has forked. Its exit code comes over a pipe."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._status: int | None = status
        self._code: int | None = None
        self._lock = threading.Lock()

    def poll(self, wait_seconds: float = 0.0) -> int | None:
        """The exit code, negative if a signal ended it; None while it runs.

        Args:
            wait_seconds: how long to wait for its end.
        """
        with self._lock:
            if self._status is not None and _readable(self._status, wait_seconds):
                code = _read_number(self._status)
                # Without a code, the fork server has ended and has killed all containers.
                self._code = -signal.SIGKILL if code is None else code
                os.close(self._status)
                self._status = None
            return self._code

    def signal_group(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class Launcher:
    """A fork server. It starts at once, and is ready about a second later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = False
        self._control, theirs = socket.socketpair()
        log = home() / "logs" / "containers.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        modules = [image.module for image in IMAGES if image.module]
        with theirs, log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, *_QUIETLY, "-m", "localcloud.containers.zygote", *modules],
                stdin=theirs.fileno(),
                stdout=sink,
                stderr=sink,
                cwd=CHECKOUT,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD,
                start_new_session=True,
            )
        self._control.settimeout(_START_SECONDS)

    def alive(self) -> bool:
        return self._process.poll() is None

    def launch(self, request: LaunchRequest, output: int) -> ForkedProcess:
        """Let the fork server fork a process.

        Args:
            request: the container that the process becomes.
            output: the file descriptor to which the process writes.

        Raises:
            ContainerError: the fork server has ended or does not answer.
        """
        status, theirs = os.pipe()
        try:
            return ForkedProcess(self._fork(request, (output, theirs), status), status)
        except (OSError, EOFError) as error:
            os.close(status)
            raise ContainerError(
                f"the fork server of containers does not answer ({error}); see {home()}/logs/containers.log"
            ) from error

    def close(self) -> None:
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)

    def _fork(self, request: LaunchRequest, descriptors: tuple[int, int], status: int) -> int:
        """The pid of the new process."""
        try:
            with self._lock:
                self._await_ready()
                self._send(request, descriptors)
        finally:
            os.close(descriptors[1])
        pid = _read_number(status)
        if pid is None:
            raise EOFError("it ended")
        return pid

    def _await_ready(self) -> None:
        self._ready = self._ready or self._control.recv(1) == READY
        if not self._ready:
            raise EOFError("it ended")

    def _send(self, request: LaunchRequest, descriptors: tuple[int, int]) -> None:
        text = json.dumps(request).encode()
        socket.send_fds(self._control, [LENGTH.pack(len(text))], descriptors)
        self._control.sendall(text)


def _readable(descriptor: int, wait_seconds: float) -> bool:
    poll = select.poll()  # select.select would not take descriptors beyond 1024
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(wait_seconds * 1000))


def _read_number(status: int) -> int | None:
    number = os.read(status, NUMBER.size)
    return NUMBER.unpack(number)[0] if number else None


_SHARED: Final[dict[int, Launcher]] = {}
"""The launcher of this process, by its pid: a fork of this process gets its own."""
_LOCK: Final = threading.Lock()


def shared_launcher() -> Launcher:
    """Return this process's fork server, and start it if it does not run.

    Raises:
        ContainerError: it cannot be started.
    """
    with _LOCK:
        found = _SHARED.get(os.getpid())
        if found is None or not found.alive():
            _SHARED.clear()
            try:
                found = _SHARED[os.getpid()] = Launcher()
            except OSError as error:
                raise ContainerError(f"the fork server of containers cannot be started: {error}") from error
        return found
