"""All jobs of a stack together: outputs, failures, the check at the end."""

import logging
import threading
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import pulumi
import pytest
from botocore.exceptions import NoCredentialsError

from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs
from jobs.inputs import ResultOf
from lookups import s3
from tests.program.harness import COMPLETED, Graph
from tests.program.jobs import CSV, FAILED, run, statuses, two


@pytest.fixture(scope="module", name="failed")
def _failed() -> Graph:
    return run(two, status=statuses(bad=FAILED), last_lines=lambda _, __: ["ValueError: could not convert"])


class TestAFailedJob:
    def test_fails_the_run_with_one_line(self, failed: Graph) -> None:
        assert isinstance(failed.error, pulumi.RunError)
        assert str(failed.error) == "1 of 2 transform jobs did not complete"

    def test_says_why_and_what_to_do(self, failed: Graph) -> None:
        ((level, text),) = failed.messages
        assert level == logging.ERROR
        assert "is Failed: ClientError: See job logs for more information" in text
        assert "cause: ValueError: could not convert" in text
        assert "correct the input, or the arguments that describe it; then: make up STACK=local" in text

    def test_exports_one_line_of_reason_for_the_failed_job_alone(self, failed: Graph) -> None:
        reasons = {name: job["reason"] for name, job in failed.outputs["transform_jobs"].items()}
        assert reasons == {"good": "", "bad": "ValueError: could not convert"}

    def test_loses_nothing(self, failed: Graph) -> None:
        jobs = failed.outputs["transform_jobs"]
        assert {name: job["status"] for name, job in jobs.items()} == {"good": "Completed", "bad": "Failed"}
        assert all(job["result_path"].endswith("/batch_input.csv.out") for job in jobs.values())


def test_a_failure_is_reported_while_another_job_still_runs() -> None:
    reported, in_time = threading.Event(), []

    def status(name: str) -> Mapping[str, Any]:
        if name == "bad":
            return FAILED
        in_time.append(reported.wait(timeout=10))
        return COMPLETED

    with patch.object(pulumi.log, "error", lambda _, resource: reported.set()):
        graph = run(two, status=status)
    assert in_time == [True]
    assert graph.outputs["transform_jobs"]["good"]["status"] == "Completed"
    assert str(graph.error) == "1 of 2 transform jobs did not complete"


def test_a_job_that_never_started_has_a_status_too() -> None:
    graph = run(two, status=statuses(bad=None))
    assert graph.outputs["transform_jobs"]["bad"]["status"] == "NotStarted"
    assert "1 of 2" in str(graph.error)


def test_a_preview_of_a_failed_job_fails_nothing() -> None:
    graph = run(two, status=statuses(bad=FAILED), preview=True)
    assert graph.error is None
    assert graph.messages == []


def test_an_expired_result_is_reported_and_fails_nothing() -> None:
    graph = run(two, result_exists=lambda path: "-good-" in path)
    assert graph.error is None
    ((level, text),) = graph.messages
    assert level == logging.WARNING
    assert "its result is gone" in text


def test_a_job_whose_input_failed_says_so() -> None:
    def chain(jobs: Jobs) -> None:
        jobs.add("second", TransformJobArgs(input=ResultOf("first")))
        jobs.add("first", TransformJobArgs(input=CSV))

    nothing = {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": "No S3 objects found"}]}
    graph = run(chain, status=statuses(first=FAILED, second=nothing))
    assert any("second: not run, because its input is the result of first" in text for _, text in graph.messages)


def test_a_job_that_completed_on_a_part_of_its_input_fails_the_run() -> None:
    def chain(jobs: Jobs) -> None:
        jobs.add("second", TransformJobArgs(input=jobs.add("first", TransformJobArgs(input=CSV))))

    graph = run(chain, status=statuses(first=FAILED))
    assert str(graph.error) == "1 of 2 transform jobs did not complete, 1 read only a part of the input"
    assert any("second: Completed, but on a part of its input only" in text for _, text in graph.messages)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NoCredentialsError(), id="no credentials"),
        pytest.param(KeyError("events"), id="an answer like none"),
    ],
)
def test_a_log_that_cannot_be_read_does_not_hide_the_reason(error: Exception) -> None:
    def unreadable(job_name: str, count: int) -> list[str]:
        raise error

    graph = run(two, status=statuses(bad=FAILED), last_lines=unreadable)
    assert any("is Failed: ClientError: See job logs for more information" in text for _, text in graph.messages)
    assert str(graph.error) == "1 of 2 transform jobs did not complete"


def test_a_result_that_may_not_be_looked_up_is_not_called_gone() -> None:
    def refuse(*_: object) -> bool:
        raise s3.S3Error("AccessDenied")

    assert run(two, result_exists=refuse).messages == []
    with patch.object(s3, "connect", refuse):
        assert run(two, result_exists=lambda _: False).messages == []
