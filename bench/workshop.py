"""How long a person waits: `up` from nothing, unchanged and with a job added, and `destroy`; and the memory of an `up`."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench._clock import fresh_checkout, timed
from localcloud.commands.cloud import family
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added


def main() -> None:
    """Print seconds beside the project's targets for 2 cores."""
    with fresh_checkout() as checkout:
        timed(checkout, "up from nothing", "up", 30)
        timed(checkout, "up unchanged", "up", 7)
        _memory(checkout)
        with added(checkout, {"extra": 'input="model/batch_input.csv", environment={"ANOTHER": "job"}'}):
            timed(checkout, "up with a job added", "up", 10)
        timed(checkout, "destroy", "destroy", 10)


def _memory(checkout: Checkout) -> None:
    """Print the most memory that the local cloud, the CLI, its plugins and the program take while an `up` runs.

    Proportional memory (PSS) divides a page among the processes that share it, so the sum is what all of them take from
    the machine. Resident memory (RSS) counts the pages of a program once for each process that runs it.
    """
    cloud = record.read(checkout.home)
    assert cloud is not None
    largest = [Memory(), Memory()]
    with checkout.start("up") as running:
        while running.poll() is None:
            of_cloud = _taken(cloud.pid)
            largest = max(largest, [of_cloud + _taken(running.pid), of_cloud], key=lambda both: both[0].proportional)
            time.sleep(0.2)
        running.communicate()
    for title, goal, memory in zip(
        ("while up runs", "the local cloud's part"), (" (target 1400 MB)", ""), largest, strict=True
    ):
        print(f"  memory {title}: {memory.proportional:.0f} MB{goal}, resident {memory.resident:.0f} MB")


@dataclass(frozen=True)
class Memory:
    """The memory of some processes in megabytes, proportional and resident."""

    proportional: float = 0.0
    resident: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.proportional + other.proportional, self.resident + other.resident)


def _taken(root: int) -> Memory:
    """Return the memory of a process and its descendants; zero if it has ended meanwhile."""
    try:
        return sum((Memory(_proportional(pid, resident), resident) for pid, resident, _ in family(root)), Memory())
    except KeyError:
        return Memory()


def _proportional(pid: int, resident: float) -> float:
    """Return the megabytes of a process, with its part of shared pages; the resident ones if the system does not report that."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0 if sys.platform == "linux" else resident
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    return int(found.group(1)) / 1000 if found else 0.0
