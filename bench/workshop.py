"""The two commands as a person waits for them: up from nothing, unchanged, with a job added, destroy, and memory."""

from __future__ import annotations

from bench._clock import fresh_checkout, timed
from localcloud.commands.inspection import family
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added


def main() -> None:
    """Print seconds beside the project's targets for 2 cores."""
    with fresh_checkout() as checkout:
        _measure(checkout)


def _measure(checkout: Checkout) -> None:
    timed(checkout, "up from nothing", "up", 45)
    cloud = record.read(checkout.home)
    assert cloud is not None
    resident = sum(megabytes for _, megabytes, _ in family(cloud.pid))
    print(f"  local cloud resident: {resident:.0f} MB (target 1200 MB)")
    timed(checkout, "up unchanged", "up", 10)
    with added(checkout, {"extra": 'input="model/batch_input.csv", environment={"ANOTHER": "job"}'}):
        timed(checkout, "up with a job added", "up", 15)
    timed(checkout, "destroy", "destroy", 15)
