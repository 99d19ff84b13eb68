"""Child processes that die with their parent: on Linux at once, on other systems within a second."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded before any fork, because a child between fork and exec must not load libraries.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# Linux sends the death signal when the *thread* that forked ends, so one thread that never ends forks for all.
_FORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command that dies with this process, its output appended to a log file.

    Args:
        command: program and arguments; no shell.
        log: file that gets stdout and stderr, created with mode 0600 if it is missing.
        env: the whole environment of the child; this process's own by default.
        cwd: its working directory.
        stdin: descriptor of its standard input; by default it has none.
        stdout: where its standard output goes instead of the log, such as `subprocess.PIPE`.

    Raises:
        OSError: the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as sink:  # noqa: PTH123  mode at creation
        output = sink if stdout is None else stdout
        return popen(command, stdin=stdin, stdout=output, stderr=sink, env=env, cwd=cwd)


def popen(
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own that dies with this process; its output comes through pipes by default.

    Raises:
        OSError: the program cannot be started.
    """
    return _FORKER.submit(
        subprocess.Popen,
        [str(part) for part in command],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=None if env is None else dict(env),
        cwd=cwd,
        start_new_session=True,  # a Ctrl-C in the terminal is for the foreground command only
        preexec_fn=preexec_die_with_parent,
    ).result()


def socket_of_parent() -> socket.socket:
    """The socket that the parent gave this process as its standard input; children do not inherit it."""
    connection = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return connection


def stop(process: subprocess.Popen[bytes], grace_seconds: float = 5.0) -> None:
    """End a child: SIGTERM, then SIGKILL if it still runs after the grace period."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def die_with_parent() -> None:
    """Make this process end when its parent does. Call it at the beginning of a child's main."""
    preexec_die_with_parent()
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True, name="parent-watch").start()


def preexec_die_with_parent() -> None:
    """Ask the kernel for a SIGKILL when the forking thread ends; for `preexec_fn`, Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
