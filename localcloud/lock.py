"""A lock that one process holds at a time. It uses the standard library only, because set-up needs it before anything is
installed.
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
def locked(file: Path, progress: Callable[[str], None], holder: str) -> Generator[None]:
    """Hold a lock, if need be after another process. The kernel releases it when the process ends, however it ends.

    Args:
        file: what is locked; it is created, and stays.
        progress: gets a line when the wait begins, and one each minute.
        holder: who holds the lock meanwhile, as the subject of that line.

    Raises:
        OSError: the file cannot be created.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        begin, reminders = time.monotonic(), 0
        while not _taken(lock):
            if time.monotonic() - begin >= reminders * _REMIND_SECONDS:
                progress(f"{holder}; waiting for it" + (f" ({reminders} min)" if reminders else ""))
                reminders += 1
            time.sleep(0.1)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
