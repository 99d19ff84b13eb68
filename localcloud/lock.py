"""Locks of files, which the kernel releases when their process ends, however it ends.

Only the standard library is used here, because set-up needs a lock before anything is installed.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_REMIND_SECONDS = 60


@contextmanager
def locked(
    file: Path, progress: Callable[[str], None], holder: str, unusable: Callable[[OSError], Exception] = lambda e: e
) -> Generator[None]:
    """Hold a lock, if need be after another process.

    Args:
        file: what is locked; it is created, and stays.
        progress: gets a line when the wait begins, and one each minute.
        holder: who holds the lock meanwhile, as the subject of that line.
        unusable: makes the error to raise if the file cannot be created; that is the OSError itself by default.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w")
    except OSError as error:
        raise unusable(error) from error
    with lock:
        begin, reminders = time.monotonic(), 0
        while not try_lock(lock):
            if time.monotonic() - begin >= reminders * _REMIND_SECONDS:
                progress(f"{holder}; waiting for it" + (f" ({reminders} min)" if reminders else ""))
                reminders += 1
            time.sleep(0.1)
        yield


def try_lock(lock: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file without waiting; returns whether that worked. `fcntl.LOCK_SH` takes a lock that others share."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
