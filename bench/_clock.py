"""A fresh checkout for a benchmark, and the time that its make targets take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.checkout import Checkout


@contextmanager
def fresh_checkout() -> Generator[Checkout]:
    """Make a checkout in which nothing has run yet; it is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout.make(Path(folder))
        try:
            yield checkout
        finally:
            checkout.make_target("reset")


def timed(checkout: Checkout, title: str, target: str, goal: int = 0) -> None:
    """Run a make target and print its seconds, beside the project's goal for 2 cores if there is one."""
    started = time.monotonic()
    said = checkout.make_target(target)
    seconds = time.monotonic() - started
    assert said.code == 0, said.text[-3000:]
    print(f"  {title}: {seconds:.1f} s" + (f" (target {goal} s)" if goal else ""), flush=True)
