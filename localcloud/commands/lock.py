"""One command at a time acts on the local stack of a checkout."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from localcloud.console import CommandError


@contextmanager
def alone(home: Path, command: str) -> Generator[None]:
    """Lock the checkout for a command; the kernel releases the lock when the process ends, however it ends.

    Raises:
        CommandError: another command holds the lock; the message names the command and its process.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "command.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CommandError(
                f"another command is at work on this stack: {lock.read().strip()}; run `{command}` again when it has ended"
            ) from None
        lock.truncate(0)
        lock.write(f"`{command}`, process {os.getpid()}")
        lock.flush()
        yield
