"""The queue of keys to reconcile, with the methods of client-go's rate limiting work queue.

Each key is worked on at most once at a time; a key can be added for later, and a failing one with growing delays.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from localcloud.operator.resource import Key

_FIRST_DELAY_SECONDS: Final = 0.005
# In ACK's controller the delay grows to 1000 s, so it notices late that a missing model or input now exists.
_LONGEST_DELAY_SECONDS: Final = 10.0
# If many keys fail at once, the delay may grow further, so that they do not keep the machine busy.
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
        self._shut_down = False

    def add(self, key: Key) -> None:
        """Add a key for the next free worker, and cancel an earlier `add_after` of the key."""
        with self._changed:
            self._due.pop(key, None)
            self._add(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Add a key after some seconds; the earliest of several times counts."""
        with self._changed:
            due = self._clock() + seconds
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                self._added += 1
                heapq.heappush(self._later, (due, self._added, key))
                self._changed.notify()

    def add_rate_limited(self, key: Key) -> float:
        """Add a key after a delay that doubles with each failure in a row.

        Returns:
            The delay in seconds.
        """
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            longest = max(_LONGEST_DELAY_SECONDS, _DELAY_PER_FAILING_KEY * len(self._failures))
            delay = min(_FIRST_DELAY_SECONDS * 2 ** min(failures, 30), longest)
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Forget the failures of a key: its next delay is the shortest again."""
        with self._changed:
            self._failures.pop(key, None)

    def get(self) -> Key | None:
        """Wait for the next key; None once the queue is shut down. Call `done` with the key afterwards."""
        with self._changed:
            while not self._shut_down:
                wait = self._promote()
                if self._ready:
                    key = self._ready.popleft()
                    self._waiting.discard(key)
                    self._working.add(key)
                    return key
                self._changed.wait(wait)
            return None

    def done(self, key: Key) -> None:
        """Mark a key as processed."""
        with self._changed:
            self._working.discard(key)
            if key in self._waiting:
                self._ready.append(key)
                self._changed.notify()

    def shut_down(self) -> None:
        """End the wait of every worker."""
        with self._changed:
            self._shut_down = True
            self._changed.notify_all()

    def _add(self, key: Key) -> None:
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._ready.append(key)
            self._changed.notify()

    def _promote(self) -> float | None:
        """Make ready the keys that are due; returns the seconds until the next one, None if there is no next one."""
        now = self._clock()
        while self._later:
            due, _, key = self._later[0]
            if self._due.get(key) != due:  # an earlier time replaced it, or it was added at once
                heapq.heappop(self._later)
            elif due <= now:
                heapq.heappop(self._later)
                del self._due[key]
                self._add(key)
            else:
                return due - now
        return None
