"""The two commands as a person waits for them: up from nothing, unchanged, with a job added, destroy, and memory."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from localcloud.commands.inspection import family
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added

TARGETS = {"up from nothing": 45, "up unchanged": 10, "up with a job added": 15, "destroy": 15}


def main() -> None:
    """Print seconds beside the project's targets for 2 cores."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout.make(Path(folder))
        try:
            _measure(checkout)
        finally:
            checkout.make_target("reset")


def _measure(checkout: Checkout) -> None:
    _timed(checkout, "up from nothing", "up")
    cloud = record.read(checkout.home)
    assert cloud is not None
    resident = sum(megabytes for _, megabytes, _ in family(cloud.pid))
    print(f"  local cloud resident: {resident:.0f} MB (target 1200 MB)")
    _timed(checkout, "up unchanged", "up")
    with added(checkout, {"extra": 'input="model/batch_input.csv", environment={"ANOTHER": "job"}'}):
        _timed(checkout, "up with a job added", "up")
    _timed(checkout, "destroy", "destroy")


def _timed(checkout: Checkout, title: str, target: str) -> None:
    started = time.monotonic()
    said = checkout.make_target(target)
    seconds = time.monotonic() - started
    assert said.code == 0, said.text
    print(f"  {title}: {seconds:.1f} s (target {TARGETS[title]} s)", flush=True)
