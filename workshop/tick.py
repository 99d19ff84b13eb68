"""`make tick JOB=nightly`: runs a scheduled job now, through a schedule that fires once, with the same target and role.

So it tests what happens at night: EventBridge Scheduler itself makes the call, with the role's rights.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workshop import scheduled, stack

SECONDS_AHEAD = 60
"""EventBridge Scheduler fires within the minute of the time that it is given."""
START_SECONDS = 180.0
RUN_SECONDS = 24 * 3600.0
JOB_FAILED = 2


class TickError(Exception):
    """A job that cannot be run now; the message says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Run a scheduled job now and follow it to its end; the exit code is 2 if it did not complete."""
    parser = argparse.ArgumentParser(prog="python -m workshop.tick", description=main.__doc__)
    parser.add_argument("--stack", default=os.environ.get("PULUMI_STACK", "dev"))
    parser.add_argument("--job", default=os.environ.get("JOB", ""), help="the declared name")
    parser.add_argument("--ahead", type=int, default=SECONDS_AHEAD, help="seconds from now to the one-time schedule")
    options = parser.parse_args(arguments)
    try:
        job = _job(stack.outputs(options.stack).get("scheduled_jobs") or {}, options.job)
        return run_now(job, options.ahead)
    except (TickError, stack.StackError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run_now(job: Mapping[str, str], ahead: int) -> int:
    """Fire a schedule once more, and follow the run.

    Args:
        job: the job's entry in the stack's output `scheduled_jobs`.
        ahead: seconds from now to the time of the one-time schedule.

    Returns:
        0 if the run completed, else 2.

    Raises:
        TickError: no run began.
    """
    asked = datetime.now(UTC)
    name = fire_once(boto3.client("scheduler"), job, asked + timedelta(seconds=ahead))
    print(f"schedule {name} fires within {ahead} s", flush=True)
    client = boto3.client("sagemaker")
    run = _started(client, job, asked, ahead + START_SECONDS)
    print(f"job {run.job_name} runs", flush=True)
    ended = _ended(client, run)
    result = f"{job['output_path'].rstrip('/')}/{run.job_name}/"
    print(f"job {ended.job_name} is {ended.status}: {ended.reason or result}", flush=True)
    return 0 if ended.status == "Completed" else JOB_FAILED


def fire_once(client: Any, job: Mapping[str, str], when: datetime) -> str:
    """Make a one-time schedule with the target and role of a job's own one; it deletes itself.

    Args:
        client: of EventBridge Scheduler.
        job: the job's entry in the stack's output `scheduled_jobs`.
        when: an aware time; the scheduler knows whole seconds.

    Returns:
        The one-time schedule's name.
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


def _job(jobs: Mapping[str, Mapping[str, str]], name: str) -> Mapping[str, str]:
    there = f"scheduled are {', '.join(sorted(jobs))}" if jobs else "no job of this stack has a schedule"
    if not name:
        raise TickError(f"name the job: make tick JOB=nightly; {there}")
    if name not in jobs:
        raise TickError(f"JOB={name} has no schedule in this stack; {there}")
    return jobs[name]


def _started(client: Any, job: Mapping[str, str], asked: datetime, seconds: float) -> scheduled.Run:
    deadline = time.monotonic() + seconds
    while not (found := scheduled.runs(client, job["job_name_prefix"], newest=1, since=asked)):
        if time.monotonic() > deadline:
            queue = job["dead_letter_queue"]
            raise TickError(
                f"no job began within {seconds:.0f} s. A call that failed is in the dead-letter queue, with its reason: "
                f"aws sqs receive-message --message-attribute-names All --queue-url {queue}"
            )
        time.sleep(1.0)
    return found[0]


def _ended(client: Any, run: scheduled.Run) -> scheduled.Run:
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        found = client.describe_transform_job(TransformJobName=run.job_name)
        if found["TransformJobStatus"] in scheduled.ENDS:
            reason = found.get("FailureReason", "")
            return scheduled.Run(run.job_name, found["TransformJobStatus"], run.started, reason)
        time.sleep(1.0)
    raise TickError(f"{run.job_name} still runs after a day")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
