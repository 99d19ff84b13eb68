"""Runs one transform job from its settings to its outputs."""

from __future__ import annotations

import enum
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from localcloud.batch_transform import keys
from localcloud.batch_transform.errors import SEE_LOGS, Stopped, StorageError, TransformFailure
from localcloud.batch_transform.instance import Instance, Surroundings
from localcloud.batch_transform.job import Transform

_INSTANCES_AT_ONCE = 4


class Status(enum.StrEnum):
    """How a job ends."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


@dataclass(frozen=True)
class Outcome:
    """The end of a job; the reason only where it failed."""

    status: Status
    reason: str | None = None


def run_transform(job: Transform, around: Surroundings) -> Outcome:
    """Run a job to its end; raises nothing that a job can cause."""
    try:
        failures = _run(job, around)
    except Stopped:
        return Outcome(Status.STOPPED)
    except TransformFailure as failure:
        failures = [failure]
        for line in failure.lines:
            around.logs.data(0, line)
    except StorageError as error:
        around.logs.data(0, f"ClientError: {error}")
        return Outcome(Status.FAILED, f"ClientError: {SEE_LOGS}")
    return Outcome(Status.FAILED, failures[0].reason) if failures else Outcome(Status.COMPLETED)


def _run(job: Transform, around: Surroundings) -> list[TransformFailure]:
    tasks = keys.tasks(job, around.source)
    shares = keys.share(tasks, job.instance_count)
    instances = [Instance(number, job, around) for number in range(job.instance_count)]
    with ThreadPoolExecutor(min(_INSTANCES_AT_ONCE, len(instances)), thread_name_prefix="instance") as pool:
        for done in [pool.submit(one.run, share) for one, share in zip(instances, shares, strict=True)]:
            done.result()
    around.cancellation.check()
    return [failure for one in instances for failure in one.failures]
