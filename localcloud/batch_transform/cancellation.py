"""A stop that takes effect at any moment: waiting ends, open connections are cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from localcloud.batch_transform.errors import Stopped


class Cancellation:
    """Set once; whoever waits on something registers how to be interrupted."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: set[Callable[[], None]] = set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            interrupts = list(self._interrupts)
        for interrupt in interrupts:
            interrupt()

    def check(self) -> None:
        """Raise Stopped when cancelled."""
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the cancellation."""
        self._event.wait(seconds)

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Generator[None]:
        """Call `interrupt` when cancelled inside the block (at once when cancelled before)."""
        with self._lock:
            self._interrupts.add(interrupt)
        try:
            if self._event.is_set():
                interrupt()
            yield
        finally:
            with self._lock:
                self._interrupts.discard(interrupt)
