"""Turns: how many jobs run at once, without those that take long standing in the way of the others."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

from localcloud.batch_transform.cancellation import Cancellation
from localcloud.batch_transform.errors import Stopped


class Turns:
    """A bounded number at once, in the order they came; a job that has had its time counts no longer.

    So short jobs share the processors few at a time, and containers that never answer a ping hold nobody up.

    Args:
        count: how many count at once.
        seconds: for how long a job counts.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._free = count
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()
        self._seconds = seconds

    @contextmanager
    def one(self, cancellation: Cancellation) -> Generator[None]:
        """Wait for a turn and have it.

        Raises:
            Stopped: the job was stopped while it waited.
        """
        self._take(cancellation)
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):
                self._give()

        timer = threading.Timer(self._seconds, give_back)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            give_back()

    def _take(self, cancellation: Cancellation) -> None:
        turn = threading.Event()
        with self._lock:
            self._waiting.append(turn)
            self._hand_out()
        with cancellation.interrupting(turn.set):
            turn.wait()
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise Stopped

    def _give(self) -> None:
        with self._lock:
            self._free += 1
            self._hand_out()

    def _hand_out(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().set()
