"""Turns: how many jobs run at once, without those that take long standing in the way of the others."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager


class Turns:
    """A bounded number at once, in the order they came; a job that has had its time counts no longer.

    So short jobs share the processors few at a time, and containers that never answer a ping hold nobody up.

    Args:
        count: how many count at once.
        seconds: for how long a job counts.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._free = threading.Semaphore(count)
        self._seconds = seconds

    @contextmanager
    def one(self) -> Generator[None]:
        """Wait for a turn and have it."""
        self._free.acquire()
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):
                self._free.release()

        timer = threading.Timer(self._seconds, give_back)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            give_back()
