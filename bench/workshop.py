"""The two commands as a person waits for them: up from nothing, unchanged, with a job added, destroy, and memory."""

from __future__ import annotations

import time

from bench._clock import fresh_checkout, timed
from localcloud.commands.cloud import family
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added


def main() -> None:
    """Print seconds beside the project's targets for 2 cores."""
    with fresh_checkout() as checkout:
        _measure(checkout)


def _measure(checkout: Checkout) -> None:
    timed(checkout, "up from nothing", "up", 30)
    timed(checkout, "up unchanged", "up", 7)
    _memory(checkout)
    with added(checkout, {"extra": 'input="model/batch_input.csv", environment={"ANOTHER": "job"}'}):
        timed(checkout, "up with a job added", "up", 10)
    timed(checkout, "destroy", "destroy", 10)


def _memory(checkout: Checkout) -> None:
    """Print the largest sum of resident memory while an `up` runs: the local cloud, the CLI, its plugins and program."""
    cloud = record.read(checkout.home)
    assert cloud is not None
    largest = [0.0, 0.0]
    with checkout.start("up") as running:
        while running.poll() is None:
            largest = max(largest, [_resident(cloud.pid) + _resident(running.pid), _resident(cloud.pid)])
            time.sleep(0.2)
        running.communicate()
    print(f"  resident while up runs: {largest[0]:.0f} MB (goal 1400 MB), of it the local cloud {largest[1]:.0f} MB")


def _resident(root: int) -> float:
    try:
        return sum(megabytes for _, megabytes, _ in family(root))
    except KeyError:  # it ended meanwhile
        return 0.0
