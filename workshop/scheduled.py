"""Scheduled jobs: their runs as SageMaker lists them, because the stack knows only the schedules.

    from workshop import scheduled
    scheduled.runs(client, "batch-workshop-nightly-")

returns the newest first. `run_now` runs a job now, and `stop` stops those that run. `make tick JOB=nightly` runs one
through a schedule that fires once, with the same target and role: EventBridge Scheduler itself makes the call, with the
role's permissions, as it does at night.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lookups import ENDS
from workshop import stack
from workshop.stack import WorkshopError, table

SHOWN = 5
"""How many of the newest runs of each job are shown."""
STOP_SECONDS = 600.0
HEADINGS = ("JOB", "STARTED", "STATUS", "RESULT OR REASON")

SECONDS_AHEAD = 60
"""EventBridge Scheduler fires within the minute of the time that it is given."""
START_SECONDS = 180.0
RUN_SECONDS = 24 * 3600.0
JOB_FAILED = 2


@dataclass(frozen=True)
class Run:
    """A transform job that a schedule started."""

    job_name: str
    status: str
    started: datetime
    reason: str = ""


@stack.tool
def main(arguments: Sequence[str]) -> int:
    """Print the newest runs of every scheduled job, stop those that run (`make destroy`), or run one now (`make tick`)."""
    parser = stack.parser("scheduled", main.__doc__)
    parser.add_argument("--stop", action="store_true", help="stop all runs, and wait until they have stopped")
    parser.add_argument("--run", metavar="JOB", help="run this job now and follow it; the exit code is 2 if it fails")
    parser.add_argument("--ahead", type=int, default=SECONDS_AHEAD, help="seconds from now to the one-time schedule")
    options = parser.parse_args(arguments)
    jobs = stack.scheduled_jobs(options.stack)
    if options.stop:
        return stop(jobs)
    if options.run is not None:
        return run_now(_wanted(jobs, options.run), options.ahead)
    print(summary(jobs))
    return 0


def runs(client: Any, job_name_prefix: str, newest: int = SHOWN, since: datetime | None = None) -> list[Run]:
    """Return the runs of a scheduled job, the newest first.

    Args:
        client: of SageMaker.
        job_name_prefix: how their names start, as the stack exports it.
        newest: how many at most.
        since: only runs created at this time or later; an aware datetime.
    """
    after = {"CreationTimeAfter": since} if since is not None else {}
    pages = client.get_paginator("list_transform_jobs").paginate(
        NameContains=job_name_prefix, SortBy="CreationTime", SortOrder="Descending", **after
    )
    found = (
        Run(job["TransformJobName"], job["TransformJobStatus"], job["CreationTime"], job.get("FailureReason", ""))
        for page in pages
        for job in page["TransformJobSummaries"]
        if job["TransformJobName"].startswith(job_name_prefix)
    )
    return list(itertools.islice(found, newest))


def summary(jobs: Mapping[str, Mapping[str, str]]) -> str:
    """Return the newest runs of all scheduled jobs as a table, and below it how many calls failed."""
    if not jobs:
        return "no job of this stack has a schedule"
    sagemaker = boto3.client("sagemaker")
    rows = [
        row for name, job in sorted(jobs.items()) for row in _rows(name, job, runs(sagemaker, job["job_name_prefix"]))
    ]
    queue = next(iter(jobs.values()))["dead_letter_queue"]
    asked = "ApproximateNumberOfMessages"
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[asked])
    calls = int(found["Attributes"][asked])
    failed = [f"{calls} calls of schedules failed: aws sqs receive-message --queue-url {queue}"] if calls else []
    return "\n".join([table([HEADINGS, *rows]), *failed])


def stop(jobs: Mapping[str, Mapping[str, str]], seconds: float = STOP_SECONDS) -> int:
    """Stop the runs of these jobs, and wait at most so long until they have stopped.

    Returns:
        0 if none runs any more, else 1.
    """
    client = boto3.client("sagemaker")
    running: list[Run] = []
    for _ in _each_second(seconds):
        found = [run for job in jobs.values() for run in runs(client, job["job_name_prefix"], newest=100)]
        running = [run for run in found if run.status not in ENDS]
        if not running:
            return 0
        for run in running:
            if run.status == "InProgress":
                print(f"stop {run.job_name}", flush=True)
                client.stop_transform_job(TransformJobName=run.job_name)
    print(f"error: {running[0].job_name} is still {running[0].status}", file=sys.stderr)
    return 1


def _rows(name: str, job: Mapping[str, str], found: Sequence[Run]) -> list[tuple[str, ...]]:
    if not found:
        return [(name, "-", "-", f"has not run yet: {job['schedule']} in {job['timezone']}")]
    return [(name, f"{run.started:%Y-%m-%d %H:%M}", run.status, _result_or_reason(job, run)) for run in found]


def _result_or_reason(job: Mapping[str, str], run: Run) -> str:
    return run.reason or f"{job['output_path'].rstrip('/')}/{run.job_name}/"


def run_now(job: Mapping[str, str], ahead: int) -> int:
    """Fire a schedule once more, and follow the run.

    Args:
        job: the job's entry in the stack's output `scheduled_jobs`.
        ahead: seconds from now to the time of the one-time schedule.

    Returns:
        0 if the run completed, else 2.

    Raises:
        WorkshopError: no run began.
    """
    asked = datetime.now(UTC)
    name = fire_once(boto3.client("scheduler"), job, asked + timedelta(seconds=ahead))
    print(f"schedule {name} fires within {ahead} s", flush=True)
    client = boto3.client("sagemaker")
    run = _started(client, job, asked, ahead + START_SECONDS)
    print(f"job {run.job_name} runs", flush=True)
    ended = _ended(client, run)
    print(f"job {ended.job_name} is {ended.status}: {_result_or_reason(job, ended)}", flush=True)
    return 0 if ended.status == "Completed" else JOB_FAILED


def fire_once(client: Any, job: Mapping[str, str], when: datetime) -> str:
    """Make a one-time schedule with the target and role of a job's own one, and return its name; it deletes itself.

    Args:
        client: of EventBridge Scheduler.
        job: the job's entry in the stack's output `scheduled_jobs`.
        when: an aware time; the scheduler knows whole seconds.
    """
    group, schedule = job["schedule_group"], job["schedule_name"]
    target = client.get_schedule(GroupName=group, Name=schedule)["Target"]
    name = f"{schedule}-at-{when.astimezone(UTC):%Y%m%dT%H%M%S}"
    client.create_schedule(
        GroupName=group,
        Name=name,
        ScheduleExpression=f"at({when.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=target,
    )
    return name


def _wanted(jobs: Mapping[str, Mapping[str, str]], name: str) -> Mapping[str, str]:
    there = f"scheduled are {', '.join(sorted(jobs))}" if jobs else "no job of this stack has a schedule"
    if not name:
        raise WorkshopError(f"name the job: make tick JOB=nightly; {there}")
    if name not in jobs:
        raise WorkshopError(f"JOB={name} has no schedule in this stack; {there}")
    return jobs[name]


def _started(client: Any, job: Mapping[str, str], asked: datetime, seconds: float) -> Run:
    for _ in _each_second(seconds):
        if found := runs(client, job["job_name_prefix"], newest=1, since=asked):
            return found[0]
    raise WorkshopError(
        f"no job began within {seconds:.0f} s. A call that failed is in the dead-letter queue, with its reason: "
        f"aws sqs receive-message --message-attribute-names All --queue-url {job['dead_letter_queue']}"
    )


def _ended(client: Any, run: Run) -> Run:
    for _ in _each_second(RUN_SECONDS):
        found = client.describe_transform_job(TransformJobName=run.job_name)
        if found["TransformJobStatus"] in ENDS:
            return replace(run, status=found["TransformJobStatus"], reason=found.get("FailureReason", ""))
    raise WorkshopError(f"{run.job_name} still runs after a day")


def _each_second(limit: float) -> Iterator[None]:
    """Come back once a second, the first time at once, until so many seconds have passed."""
    deadline = time.monotonic() + limit
    yield
    while time.monotonic() <= deadline:
        time.sleep(1.0)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
