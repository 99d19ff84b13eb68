"""Runs of scheduled jobs, as SageMaker lists them, because the stack knows only the schedules.

    from workshop import scheduled
    scheduled.runs(client, "batch-workshop-nightly-")

returns the newest first. `workshop.tick` runs a job now, and `stop` stops those that run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lookups import ENDS
from workshop import stack
from workshop.stack import table

SHOWN = 5
"""How many of the newest runs of each job are shown."""
STOP_SECONDS = 600.0
HEADINGS = ("JOB", "STARTED", "STATUS", "RESULT OR REASON")


@dataclass(frozen=True)
class Run:
    """A transform job that a schedule started."""

    job_name: str
    status: str
    started: datetime
    reason: str = ""


def main(arguments: Sequence[str]) -> int:
    """Print the newest runs of every scheduled job, or stop those that run: part of `make destroy`."""
    parser = argparse.ArgumentParser(prog="python -m workshop.scheduled", description=main.__doc__)
    parser.add_argument("--stack", default=os.environ.get("PULUMI_STACK", "dev"))
    parser.add_argument("--stop", action="store_true", help="stop what runs, and wait until it has stopped")
    options = parser.parse_args(arguments)
    try:
        jobs = stack.outputs(options.stack).get("scheduled_jobs") or {}
        if options.stop:
            return stop(jobs)
        print(summary(jobs))
    except (stack.StackError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
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
    found: list[Run] = []
    for job in (job for page in pages for job in page["TransformJobSummaries"]):
        if job["TransformJobName"].startswith(job_name_prefix):
            status, reason = job["TransformJobStatus"], job.get("FailureReason", "")
            found.append(Run(job["TransformJobName"], status, job["CreationTime"], reason))
        if len(found) == newest:
            break
    return found


def failed_calls(client: Any, queue_url: str) -> int:
    """Return how many failed calls of schedules are in the dead-letter queue."""
    asked = "ApproximateNumberOfMessages"
    found = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[asked])
    return int(found["Attributes"][asked])


def summary(jobs: Mapping[str, Mapping[str, str]]) -> str:
    """Return the newest runs of all scheduled jobs as a table, and below it how many calls failed."""
    if not jobs:
        return "no job of this stack has a schedule"
    sagemaker = boto3.client("sagemaker")
    rows = [
        row for name, job in sorted(jobs.items()) for row in _rows(name, job, runs(sagemaker, job["job_name_prefix"]))
    ]
    queue = next(iter(jobs.values()))["dead_letter_queue"]
    calls = failed_calls(boto3.client("sqs"), queue)
    told = [f"{calls} calls of schedules failed: aws sqs receive-message --queue-url {queue}"] if calls else []
    return "\n".join([table([HEADINGS, *rows]), *told])


def stop(jobs: Mapping[str, Mapping[str, str]], seconds: float = STOP_SECONDS) -> int:
    """Stop the runs of these jobs, and wait until they have stopped.

    Args:
        jobs: the stack's output `scheduled_jobs`.
        seconds: how long to wait.

    Returns:
        0 if none runs any more, else 1.
    """
    client = boto3.client("sagemaker")
    deadline = time.monotonic() + seconds
    while running := [run for job in jobs.values() for run in _running(client, job["job_name_prefix"])]:
        for run in running:
            if run.status == "InProgress":
                print(f"stop {run.job_name}", flush=True)
                client.stop_transform_job(TransformJobName=run.job_name)
        if time.monotonic() > deadline:
            print(f"error: {running[0].job_name} is still {running[0].status}", file=sys.stderr)
            return 1
        time.sleep(1.0)
    return 0


def _running(client: Any, job_name_prefix: str) -> list[Run]:
    return [run for run in runs(client, job_name_prefix, newest=100) if run.status not in ENDS]


def _rows(name: str, job: Mapping[str, str], found: Sequence[Run]) -> list[tuple[str, ...]]:
    if not found:
        return [(name, "-", "-", f"has not run yet: {job['schedule']} in {job['timezone']}")]
    place = job["output_path"].rstrip("/")
    return [
        (name, f"{run.started:%Y-%m-%d %H:%M}", run.status, run.reason or f"{place}/{run.job_name}/") for run in found
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
