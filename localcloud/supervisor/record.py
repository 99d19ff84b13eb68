"""The record of the running cloud, `run/cloud.json`, which commands and plugins read."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from localcloud.lock import try_lock

_PROBE_SECONDS = 1.0  # a process that asks whether a supervisor is alive holds the lock for a moment


@dataclass(frozen=True)
class Cloud:
    """A running local cloud."""

    instance_id: str
    pid: int
    started: str
    aws_endpoint: str
    aws_pid: int
    region: str
    account_id: str
    stacks: list[str]  # `<project>/<stack>`; the local plugins act for no other


def path(home: Path) -> Path:
    return home / "run" / "cloud.json"


def write(home: Path, cloud: Cloud) -> None:
    """Write the record atomically."""
    target = path(home)
    draft = target.with_suffix(".new")
    draft.write_text(json.dumps(asdict(cloud), indent=2) + "\n")
    os.replace(draft, target)  # noqa: PTH105  the atomic rename is the point


def read(home: Path) -> Cloud | None:
    """The record, whether or not its supervisor is alive; None if it does not exist or is broken."""
    try:
        return Cloud(**json.loads(path(home).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


@contextmanager
def held(home: Path) -> Generator[bool]:
    """Hold the supervisor's lock; yields False if another process holds it.

    The kernel releases the lock when the process ends, so a held lock means a running supervisor, even if a pid was
    reused. The file contains the holder's pid. It is never deleted: two processes could then each lock a file of this
    name.
    """
    lock_path = _lock_path(home)
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _PROBE_SECONDS
    with lock_path.open("a") as lock:
        while not (free := try_lock(lock)) and time.monotonic() < deadline:
            time.sleep(0.01)
        if free:
            _sign(lock, str(os.getpid()))
        try:
            yield free
        finally:
            if free:
                _sign(lock, "")  # the next holder must not be taken for this one


def alive(home: Path) -> bool:
    """Whether a supervisor holds the lock of this folder. Several processes may ask at the same time."""
    try:
        with _lock_path(home).open() as lock:
            return not try_lock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def holder(home: Path) -> int | None:
    """The pid of the running supervisor, also of one that is still starting and has not written a record."""
    if not alive(home):
        return None
    text = _lock_path(home).read_text().strip()
    return int(text) if text.isdecimal() else None


def running(home: Path) -> Cloud | None:
    """The running cloud: the record, if the running supervisor wrote it."""
    pid, cloud = holder(home), read(home)
    return cloud if cloud and cloud.pid == pid else None


def forget(home: Path) -> None:
    """Remove everything that clouds of this folder left in `run`, except the lock."""
    for left in (home / "run").glob("*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        elif left != _lock_path(home):
            left.unlink(missing_ok=True)


def _lock_path(home: Path) -> Path:
    return home / "run" / "supervisor.lock"


def _sign(lock: IO[str], name: str) -> None:
    lock.truncate(0)
    lock.write(name)
    lock.flush()
