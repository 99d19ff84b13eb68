"""Notices within a second that a running job has moved on, where ACK looks every 30 seconds.

It only asks for the status and has the object looked at when that has changed. The number of calls stays bounded: with
many jobs, those that run longest are asked for most often, for they end first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from localcloud.operator.look import MODIFYING
from localcloud.operator.reconciler import Sighting
from localcloud.operator.resource import Key

_INTERVAL_SECONDS: Final = 0.4
_CALLS_PER_INTERVAL: Final = 10


class Progress:
    """Watches the jobs of the objects that it was told of."""

    def __init__(self, look_at: Callable[[Key], None], calls: int = _CALLS_PER_INTERVAL) -> None:
        self._look_at = look_at
        self._calls = calls
        self._running: dict[Key, Sighting] = {}  # the longest running first
        self._next = 0
        self._lock = threading.Lock()
        self._some = threading.Event()

    def observe(self, key: Key, sighting: Sighting | None) -> None:
        """Take note of what was seen of an object's job."""
        with self._lock:
            if sighting is not None and (sighting.status in MODIFYING or sighting.failing):
                self._running[key] = sighting
                self._some.set()
            else:
                self._running.pop(key, None)

    def run(self, stop: threading.Event) -> None:
        """Ask again and again until told to stop."""
        while not stop.wait(_INTERVAL_SECONDS):
            if self._some.wait(_INTERVAL_SECONDS):
                self.ask()

    def ask(self) -> None:
        """Ask for some of the jobs once."""
        for key, sighting in self._turn():
            status = sighting.jobs.peek(sighting.job_name)
            if status is not None and (sighting.failing or status != sighting.status):
                self._look_at(key)

    def _turn(self) -> list[tuple[Key, Sighting]]:
        with self._lock:
            running = list(self._running.items())
            if not running:
                self._some.clear()
            if len(running) <= self._calls:
                return running
            first, rest = running[: self._calls // 2], running[self._calls // 2 :]
            count = self._calls - len(first)
            start = self._next % len(rest)
            self._next = start + count
            return first + (rest + rest)[start : start + count]
