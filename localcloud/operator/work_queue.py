"""Keys to be looked at: each at most once at a time, some later, failing ones with growing delays."""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from localcloud.operator.resource import Key

_FIRST_DELAY_SECONDS: Final = 0.005
# ACK's controller would let the delay grow to 1000 s, and notice as late that a model or an input is there at last.
_LONGEST_DELAY_SECONDS: Final = 10.0
# With many failing at once the delay may grow further, so that they cannot keep the machine busy.
_DELAY_PER_FAILING_KEY: Final = 0.3


class WorkQueue:
    """Hands keys to workers; a key that is added while it is being worked on comes again afterwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._added = 0
        self._closed = False

    def add(self, key: Key) -> None:
        """Have a key looked at as soon as a worker is free; that look then says when the next is due."""
        with self._changed:
            self._due.pop(key, None)
            self._add(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Have a key looked at later; the earliest of several times holds."""
        with self._changed:
            due = self._clock() + seconds
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                self._added += 1
                heapq.heappush(self._later, (due, self._added, key))
                self._changed.notify()

    def add_failed(self, key: Key) -> float:
        """Have a key looked at again after a delay that doubles with each failure in a row; returns the delay."""
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            longest = max(_LONGEST_DELAY_SECONDS, _DELAY_PER_FAILING_KEY * len(self._failures))
            delay = min(_FIRST_DELAY_SECONDS * 2 ** min(failures, 30), longest)
        self.add_after(key, delay)
        return delay

    def forgive(self, key: Key) -> None:
        """Forget a key's failures: the next delay is the shortest again."""
        with self._changed:
            self._failures.pop(key, None)

    def take(self) -> Key | None:
        """The next key, waiting for one; None once the queue is closed. Call `done` with it afterwards."""
        with self._changed:
            while not self._closed:
                wait = self._promote()
                if self._ready:
                    key = self._ready.popleft()
                    self._waiting.discard(key)
                    self._working.add(key)
                    return key
                self._changed.wait(wait)
            return None

    def done(self, key: Key) -> None:
        """A worker is through with a key."""
        with self._changed:
            self._working.discard(key)
            if key in self._waiting:
                self._ready.append(key)
                self._changed.notify()

    def close(self) -> None:
        """Send all workers home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, key: Key) -> None:
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._ready.append(key)
            self._changed.notify()

    def _promote(self) -> float | None:
        """Make ready what is due; returns the seconds until the next is, None if nothing is planned."""
        now = self._clock()
        while self._later:
            due, _, key = self._later[0]
            if self._due.get(key) != due:  # an earlier time, or none, took its place
                heapq.heappop(self._later)
            elif due <= now:
                heapq.heappop(self._later)
                del self._due[key]
                self._add(key)
            else:
                return due - now
        return None
