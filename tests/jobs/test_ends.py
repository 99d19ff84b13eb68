"""From statuses to messages."""

from typing import Any

import pytest

from jobs import ends
from jobs.ends import Ended

COMPLETED = {"transformJobStatus": "Completed"}


def job(status: dict[str, Any], name: str = "churn", **more: Any) -> Ended:
    return Ended(name, f"w-{name}-1234abcd", status, f"s3://b/output/w-{name}-1234abcd/in.csv.out", "dev", **more)


def recoverable(message: str) -> dict[str, Any]:
    return {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": message}]}


def look(*jobs: Ended, lines: list[str] | None = None, there: bool = True) -> list[ends.Finding]:
    return ends.findings(jobs, lambda _, __: lines or [], lambda _: there)


def test_jobs_that_completed_say_nothing() -> None:
    assert look(job(COMPLETED), job(COMPLETED, "two")) == []
    assert ends.summary([], 2) is None


def test_a_failure_shows_reason_log_and_command() -> None:
    (found,) = look(job({"transformJobStatus": "Failed", "failureReason": "Bad HTTP status: 400"}), lines=["a", "b"])
    assert found.fails
    assert found.text.splitlines() == [
        "churn: the job w-churn-1234abcd is Failed: Bad HTTP status: 400",
        "last log lines:",
        "  a",
        "  b",
        f"run it again: {ends.run_again(job({}))}",
    ]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param({"transformJobStatus": "Stopped"}, "is Stopped: no reason was given", id="stopped"),
        pytest.param(recoverable("ResourceLimitExceeded: quota 0"), "did not start the job", id="never started"),
        pytest.param(
            recoverable("AccessDeniedException: sagemaker:CreateTransformJob"), "CreateTransformJob", id="denied"
        ),
        pytest.param({}, "did not start the job w-churn-1234abcd: no reason was given", id="no status at all"),
        pytest.param({"transformJobStatus": "InProgress"}, "is InProgress; it goes on", id="still running"),
        pytest.param(
            {
                **COMPLETED,
                "conditions": [{"type": "ACK.Terminal", "status": "True", "message": "Resource already exists"}],
            },
            "the operator does not take the job w-churn-1234abcd: Resource already exists",
            id="a foreign job that once completed",
        ),
    ],
)
def test_a_run_fails_for(status: dict[str, Any], text: str) -> None:
    (found,) = look(job(status))
    assert found.fails
    assert text in found.text


def test_logs_are_not_asked_for_where_nothing_started() -> None:
    found = ends.findings([job({})], lambda _, __: pytest.fail("asked"), lambda _: True)
    assert "last log lines" not in found[0].text


def test_each_failure_is_told_and_counted() -> None:
    found = look(
        job({"transformJobStatus": "Failed"}, "a"), job(COMPLETED, "b"), job({"transformJobStatus": "Stopped"}, "c")
    )
    assert [finding.name for finding in found] == ["a", "c"]
    assert ends.summary(found, 3) == "2 of 3 transform jobs did not complete"


def test_one_job_is_counted_as_one() -> None:
    assert ends.summary(look(job({})), 1) == "1 of 1 transform job did not complete"


def test_a_job_whose_input_never_came_says_whose_fault_it_is() -> None:
    first = job({"transformJobStatus": "Failed"}, "first")
    _, second = look(first, job(recoverable("ValidationException: No S3 objects found"), "second", input_of="first"))
    assert second.text == "second: not run, because its input is the result of first, which is Failed."


def test_a_result_that_expired_is_told_but_fails_nothing() -> None:
    (found,) = look(job(COMPLETED), there=False)
    assert not found.fails
    assert "its result is gone from s3://b/output/w-churn-1234abcd/in.csv.out" in found.text
    assert "make retry JOB=churn STACK=dev" in found.text
    assert ends.summary([found], 1) is None


def test_only_results_that_should_be_there_are_looked_for() -> None:
    ends.findings([job({"transformJobStatus": "Failed"})], lambda _, __: [], lambda _: pytest.fail("asked"))


@pytest.mark.parametrize(
    ("status", "fails"),
    [
        pytest.param({}, False, id="not known yet"),
        pytest.param({"transformJobStatus": "InProgress"}, False, id="running"),
        pytest.param(COMPLETED, False, id="completed"),
        pytest.param({"transformJobStatus": "Failed"}, True, id="known to have failed"),
    ],
)
def test_a_job_nobody_waited_for(status: dict[str, Any], fails: bool) -> None:
    assert job(status, waited=False).failed is fails


@pytest.mark.parametrize(
    ("rerun", "following"),
    [
        pytest.param("", "rerun.churn 2", id="first time"),
        pytest.param("2", "rerun.churn 3", id="again"),
        pytest.param("monday", "rerun.churn 2", id="no number"),
    ],
)
def test_the_command_counts_on(rerun: str, following: str) -> None:
    assert following in ends.run_again(job({}, rerun=rerun))


def test_the_command_acts_on_the_jobs_own_stack() -> None:
    assert ends.run_again(job({})) == (
        "make retry JOB=churn STACK=dev  "
        "(or: pulumi config set --path rerun.churn 2 --stack dev && pulumi up --stack dev)"
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param(COMPLETED, "Completed", id="SageMaker's word"),
        pytest.param({}, "NotStarted", id="SageMaker has none"),
    ],
)
def test_the_state_is(status: dict[str, Any], state: str) -> None:
    assert job(status).state == state
