"""Runs of scheduled jobs: listed newest first, shown, stopped, and started now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workshop import results, scheduled
from workshop.stack import WorkshopError

PREFIX = "batch-workshop-nightly-"
JOB = {
    "schedule_group": "batch-workshop",
    "schedule_name": "nightly",
    "schedule": "cron(0 2 * * ? *)",
    "timezone": "Europe/Berlin",
    "job_name_prefix": PREFIX,
    "output_path": "s3://bucket/output",
    "dead_letter_queue": "https://sqs/queue",
}
MIDNIGHT = datetime(2026, 11, 29, tzinfo=UTC)


class FakeAws:
    """SageMaker, SQS and the scheduler, as far as these tools ask them."""

    def __init__(self, *statuses: str, letters: int = 0) -> None:
        self.jobs = {f"{PREFIX}{number}": status for number, status in enumerate(statuses)}
        self.letters = letters
        self.made: list[dict[str, Any]] = []

    def get_paginator(self, _operation: str) -> FakeAws:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        rows = [
            {"TransformJobName": name, "TransformJobStatus": status, "CreationTime": MIDNIGHT}
            for name, status in {**self.jobs, f"other-{PREFIX}x": "Failed"}.items()
        ]
        return [{"TransformJobSummaries": rows[:2]}, {"TransformJobSummaries": rows[2:]}]

    def stop_transform_job(self, TransformJobName: str) -> None:  # noqa: N803  SageMaker's name
        self.jobs[TransformJobName] = "Stopped"

    def describe_transform_job(self, TransformJobName: str) -> dict[str, str]:  # noqa: N803
        return {"TransformJobStatus": self.jobs[TransformJobName], "FailureReason": "ClientError: no"}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.letters)}}

    def get_schedule(self, **_: Any) -> dict[str, Any]:
        return {"Target": {"Arn": "target", "RoleArn": "role"}}

    def create_schedule(self, **request: Any) -> None:
        self.made.append(request)


def use(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> FakeAws:
    monkeypatch.setattr("boto3.client", lambda *_, **__: aws)
    return aws


def test_runs_are_the_jobs_with_this_prefix() -> None:
    found = scheduled.runs(FakeAws("Completed", "Failed", "InProgress"), PREFIX, newest=2)
    assert [run.job_name for run in found] == [f"{PREFIX}0", f"{PREFIX}1"]


def test_the_newest_runs_are_shown_with_their_place_and_the_calls_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeAws("Completed", letters=2))
    said = scheduled.summary({"nightly": JOB})
    assert f"nightly  2026-11-29 00:00  Completed  s3://bucket/output/{PREFIX}0/" in said
    assert "2 calls of schedules failed: aws sqs receive-message --queue-url https://sqs/queue" in said


def test_a_job_that_has_not_run_yet_says_when_it_will(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeAws())
    assert "has not run yet: cron(0 2 * * ? *) in Europe/Berlin" in scheduled.summary({"nightly": JOB})


def test_running_jobs_are_stopped_and_ended_ones_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = use(monkeypatch, FakeAws("Completed", "InProgress"))
    assert scheduled.stop({"nightly": JOB}) == 0
    assert list(aws.jobs.values()) == ["Completed", "Stopped"]


def test_a_job_that_does_not_stop_in_time_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, FakeAws("Stopping"))
    assert scheduled.stop({"nightly": JOB}, seconds=-1.0) == 1
    assert f"{PREFIX}0 is still Stopping" in capsys.readouterr().err


def test_a_tick_is_a_schedule_that_fires_once_with_the_same_target() -> None:
    aws = FakeAws()
    name = scheduled.fire_once(aws, JOB, MIDNIGHT + timedelta(hours=2))
    (made,) = aws.made
    assert (made["Name"], made["GroupName"]) == (name, "batch-workshop")
    assert (made["ScheduleExpression"], made["ActionAfterCompletion"]) == ("at(2026-11-29T02:00:00)", "DELETE")
    assert made["Target"] == {"Arn": "target", "RoleArn": "role"}


@pytest.mark.parametrize(
    ("status", "code"), [pytest.param("Completed", 0, id="completed"), pytest.param("Failed", 2, id="failed")]
)
def test_a_tick_follows_the_run_to_its_end(monkeypatch: pytest.MonkeyPatch, status: str, code: int) -> None:
    use(monkeypatch, FakeAws(status))
    assert scheduled.run_now(JOB, ahead=0) == code


def test_a_tick_whose_call_fails_names_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeAws())
    with pytest.raises(WorkshopError, match="in the dead-letter queue, with its reason: aws sqs"):
        scheduled.run_now(JOB, ahead=-1000)


def test_make_results_shows_the_runs_of_a_scheduled_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, FakeAws("Completed", "Failed"))
    monkeypatch.setattr("workshop.stack.outputs", lambda _=None: {"scheduled_jobs": {"nightly": JOB}})
    assert results.main(["--job", "nightly"]) == 0
    said = capsys.readouterr().out
    assert f"{PREFIX}0" in said
    assert "Completed" in said
