"""From statuses and logs to messages."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs import ends
from jobs.ends import Cause, Ended

COMPLETED = {"transformJobStatus": "Completed"}
FAILED = {"transformJobStatus": "Failed"}


def job(status: dict[str, Any], name: str = "churn", **more: Any) -> Ended:
    return Ended(name, f"w-{name}-1234abcd", status, f"s3://b/output/w-{name}-1234abcd/in.csv.out", "dev", **more)


def recoverable(message: str) -> dict[str, Any]:
    return {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": message}]}


def explained(job: Ended, *lines: str) -> str:
    assert job.needs_report
    return ends.failure(logged(job, lines) if job.has_log else job)


def logged(job: Ended, lines: Sequence[str]) -> Ended:
    return replace(job, lines=tuple(lines), cause=ends.find_cause(lines))


def test_jobs_that_completed_say_nothing() -> None:
    jobs = [job(COMPLETED), job(COMPLETED, "two")]
    assert not any(found.needs_report for found in jobs)
    assert ends.expired(jobs, lambda _: True) == {}
    assert ends.summary(jobs) is None


AGENT = "2026-01-02T03:04:05.678:[sagemaker logs]: b/in.csv: "
WHOLE = "The whole log: kubectl smlogs batchtransformjob churn (in make shell STACK=dev)"


def test_a_failure_shows_reason_cause_and_remedy() -> None:
    reason = "ClientError: See job logs for more information"
    answer = [
        f"{AGENT}{line}" for line in ("ClientError: 415", "", "Message:", "could not convert string to float: 'a'")
    ]
    assert explained(job({**FAILED, "failureReason": reason}), *answer).splitlines() == [
        f"churn: the job w-churn-1234abcd is Failed: {reason}",
        "cause: the container answered 415: could not convert string to float: 'a' (in b/in.csv)",
        f"correct the input, or the arguments that describe it; then: make up STACK=dev. {WHOLE}",
    ]


def test_a_log_that_gives_no_cause_is_shown_itself() -> None:
    text = explained(job({**FAILED, "failureReason": "InternalServerError"}), *[f"line {n}" for n in range(30)])
    assert text.splitlines()[1:] == ["last log lines:", *(f"  line {n}" for n in range(20, 30)), text.splitlines()[-1]]


@pytest.mark.parametrize(
    ("status", "lines", "remedy"),
    [
        pytest.param({**FAILED, "failureReason": "ClientError: x"}, [], "correct the input", id="a refused input"),
        pytest.param(FAILED, [f"{AGENT}ClientError: 400"], "correct the input", id="an answer of 4xx"),
        pytest.param(
            {**FAILED, "failureReason": "AlgorithmError: x"}, [], "correct the model or its con", id="a model"
        ),
        pytest.param(
            FAILED, [f"{AGENT}Bad HTTP status received from algorithm: 500"], "correct the model", id="an answer of 5xx"
        ),
        pytest.param(
            {**FAILED, "failureReason": "InternalServerError: We encountered an internal error.  Please try again."},
            [],
            "run it again: make retry JOB=churn STACK=dev",
            id="an error of AWS's own",
        ),
        pytest.param({"transformJobStatus": "Stopped"}, [], "make retry JOB=churn", id="stopped"),
        pytest.param(
            recoverable("ValidationException: 1 validation error"), [], "change the argument", id="an argument"
        ),
        pytest.param(
            recoverable("ValidationException: Could not find model"), [], "correct `model_name`", id="no model"
        ),
        pytest.param(recoverable("ValidationException: No S3 objects found"), [], "put the input where", id="no input"),
        pytest.param(recoverable("ResourceLimitExceeded: quota"), [], "ask AWS for a larger quota", id="a quota"),
        pytest.param(recoverable("AccessDeniedException: no"), [], "give the role the permission", id="a permission"),
        pytest.param({}, [], "see whether the operator runs", id="an operator that says nothing"),
    ],
)
def test_the_remedy_fits_the_cause(status: dict[str, Any], lines: list[str], remedy: str) -> None:
    last = explained(job(status), *lines).splitlines()[-1]
    assert remedy in last
    assert ("make retry" in last) is ("make retry" in remedy)


@pytest.mark.parametrize(
    ("status", "lines", "why"),
    [
        pytest.param(COMPLETED, [], "", id="completed"),
        pytest.param(
            {**FAILED, "failureReason": "ClientError: See job logs"},
            [f"{AGENT}ClientError: 400", f"{AGENT}Message:", f"{AGENT}boom"],
            "the container answered 400: boom (in b/in.csv)",
            id="a log that tells the cause",
        ),
        pytest.param({**FAILED, "failureReason": "No way"}, [], "No way", id="a reason without a log"),
        pytest.param(recoverable("ResourceLimitExceeded: quota"), [], "ResourceLimitExceeded: quota", id="not started"),
    ],
)
def test_the_reason_is_one_line(status: dict[str, Any], lines: list[str], why: str) -> None:
    assert logged(job(status), lines).why == why


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param({"transformJobStatus": "Stopped"}, "is Stopped: no reason was given", id="stopped"),
        pytest.param(recoverable("ResourceLimitExceeded: quota 0"), "did not start the job", id="never started"),
        pytest.param(
            recoverable("AccessDeniedException: sagemaker:CreateTransformJob"), "CreateTransformJob", id="denied"
        ),
        pytest.param({}, "did not start the job w-churn-1234abcd: no reason was given", id="no status at all"),
        pytest.param({"transformJobStatus": "InProgress"}, "is InProgress and still runs", id="still running"),
        pytest.param(
            {
                **COMPLETED,
                "conditions": [{"type": "ACK.Terminal", "status": "True", "message": "Resource already exists"}],
            },
            "the operator does not accept the job w-churn-1234abcd: Resource already exists",
            id="a foreign job that once completed",
        ),
    ],
)
def test_a_run_fails_for(status: dict[str, Any], text: str) -> None:
    assert text in explained(job(status))


@pytest.mark.parametrize(
    ("status", "has_log"),
    [
        pytest.param({}, False, id="not started"),
        pytest.param({"transformJobStatus": "InProgress"}, False, id="running"),
        pytest.param(COMPLETED, False, id="completed"),
        pytest.param(FAILED, True, id="failed"),
        pytest.param({"transformJobStatus": "Stopped"}, True, id="stopped"),
    ],
)
def test_only_the_logs_of_jobs_that_ran_and_failed_are_read(status: dict[str, Any], has_log: bool) -> None:
    assert job(status).has_log is has_log


def test_each_failure_is_reported_and_counted() -> None:
    jobs = [job(FAILED, "a"), job(COMPLETED, "b"), job({"transformJobStatus": "Stopped"}, "c")]
    assert [found.name for found in jobs if found.needs_report] == ["a", "c"]
    assert ends.summary(jobs) == "2 of 3 transform jobs did not complete"


def test_one_job_is_counted_as_one() -> None:
    assert ends.summary([job({})]) == "1 of 1 transform job did not complete"


class TestAJobThatRestsOnAFailedOne:
    first = job(FAILED, "first")
    fix = "fix first, whose result it reads: this job then runs again"

    def explained(self, status: dict[str, Any], **more: Any) -> list[str]:
        return explained(job(status, "second", input_of=self.first, **more), "a line").splitlines()

    def test_was_not_run_if_its_input_never_came(self) -> None:
        head = "second: not run, because its input is the result of first, which did not complete: "
        status = recoverable("ValidationException: No S3 objects found")
        assert self.explained(status) == [f"{head}ValidationException: No S3 objects found", self.fix]

    def test_may_not_have_been_run_if_nobody_waited(self) -> None:
        assert self.explained({}, waited=False)[0].startswith(
            "second: perhaps not run, because its input is the result of"
        )

    def test_has_a_reason_of_its_own_if_it_ran_and_failed(self) -> None:
        assert self.explained({**FAILED, "failureReason": "Bad HTTP status: 400"}) == [
            "second: the job w-second-1234abcd is Failed: Bad HTTP status: 400",
            "last log lines:",
            "  a line",
            self.fix,
        ]

    def test_does_not_count_as_completed_if_its_input_was_incomplete(self) -> None:
        head = "second: Completed, but on a part of its input only: first, whose result it reads, did not complete"
        assert self.explained(COMPLETED) == [head, self.fix]

    def test_goes_on_if_nobody_waits(self) -> None:
        assert "still runs" in self.explained({"transformJobStatus": "InProgress"}, waited=False)[0]

    def test_makes_the_jobs_that_read_its_result_incomplete(self) -> None:
        second = job(COMPLETED, "second", input_of=self.first)
        third = explained(job(COMPLETED, "third", input_of=second))
        assert "third: Completed, but on a part of its input only: first, whose result" in third

    def test_does_not_say_why_another_did_not_start(self) -> None:
        second = job(COMPLETED, "second", input_of=self.first)
        third = explained(job(recoverable("ResourceLimitExceeded: quota 0"), "third", input_of=second))
        assert "SageMaker did not start the job w-third-1234abcd: ResourceLimitExceeded" in third

    def test_is_counted_by_itself(self) -> None:
        jobs = [self.first, job(COMPLETED, "second", input_of=self.first), job(COMPLETED, "other")]
        assert ends.summary(jobs) == "1 of 3 transform jobs did not complete, 1 read only a part of the input"

    def test_has_no_result_to_look_for(self) -> None:
        assert ends.expired([job(COMPLETED, input_of=self.first)], lambda _: pytest.fail("asked")) == {}


def test_a_job_that_reads_the_result_of_a_completed_one_is_not_reported() -> None:
    assert not job(COMPLETED, "second", input_of=job(COMPLETED, "first")).needs_report


def test_a_result_that_expired_is_reported_but_fails_nothing() -> None:
    text = ends.expired([job(COMPLETED)], lambda _: False)["churn"]
    assert "its result is gone from s3://b/output/w-churn-1234abcd/in.csv.out" in text
    assert "make retry JOB=churn STACK=dev" in text
    assert ends.summary([job(COMPLETED)]) is None


def test_only_results_that_should_be_there_are_looked_for() -> None:
    assert ends.expired([job(FAILED)], lambda _: pytest.fail("asked")) == {}


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
        pytest.param("2@0a1b2c3d", "rerun.churn 3", id="again, for the content it was meant for"),
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


OBJECT = "b/input/x/in.csv"
COLUMNS = """\
ClientError: 400

Message:
Unable to evaluate payload provided: [17:03:12] /workspace/src/learner.cc:1507: Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ (5 vs. 6) : Number of columns does not match number of features in booster.
Stack trace:
  [bt] (0) /lib/libxgboost.so(+0x22dcbc) [0x7f0d]
  [bt] (1) /lib/libxgboost.so(+0x52dcbc) [0x7f0e]
"""
TEXT = """\
ClientError: 415

Message:
Loading csv data failed with Exception, please ensure data is in csv format:
 <class 'ValueError'>
 could not convert string to float: 'abc'
"""
TRACEBACK = """\
Traceback (most recent call last):
  File "/opt/ml/model/code/inference.py", line 7, in model_fn
    return joblib.load(path)
FileNotFoundError: [Errno 2] No such file or directory: 'model.joblib'
[2026-01-01 00:00:00 +0000] [42] [INFO] Worker exiting (pid: 42)
"""


def agent(text: str, of: str = OBJECT) -> list[str]:
    """The lines as the agent writes them and CloudWatch gives them."""
    lines = [f"2026-01-02T03:04:05.678:[sagemaker logs]: {of}: {line}" for line in text.splitlines()]
    return [f"2026-01-02T03:04:06.000Z [i-0abc/data-log] {line}" for line in lines]


def container(text: str) -> list[str]:
    return [f"2026-01-02T03:04:05.000Z [i-0abc] {line}" for line in text.splitlines()]


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        pytest.param(
            agent(COLUMNS),
            Cause(
                "Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ (5 vs. 6) : "
                "Number of columns does not match number of features in booster.",
                OBJECT,
                400,
            ),
            id="a check of XGBoost's, without its stack",
        ),
        pytest.param(
            [*container(TRACEBACK), *agent(TEXT)],
            Cause(
                "Loading csv data failed with Exception, please ensure data is in csv format: <class 'ValueError'> "
                "could not convert string to float: 'abc'",
                OBJECT,
                415,
            ),
            id="a message, before anything of the container's",
        ),
        pytest.param(
            [*agent(TEXT), *agent("Bad HTTP status received from algorithm: 500\n\nMessage:\nrecord 7: no", "b/2")],
            Cause("record 7: no", "b/2", 500),
            id="the last of two, with its record",
        ),
        pytest.param(
            container(TRACEBACK),
            Cause("FileNotFoundError: [Errno 2] No such file or directory: 'model.joblib'"),
            id="the exception in which a traceback ends",
        ),
        pytest.param(
            agent(f"ClientError: 400\n\nMessage:\n{TRACEBACK}"),
            Cause("FileNotFoundError: [Errno 2] No such file or directory: 'model.joblib'", OBJECT, 400),
            id="a traceback for an answer",
        ),
        pytest.param(
            agent("ClientError: 404"), Cause("it gave no message", OBJECT, 404), id="an answer without message"
        ),
        pytest.param(
            agent("Unable to get response from algorithm"),
            Cause("Unable to get response from algorithm", OBJECT),
            id="no answer",
        ),
        pytest.param(container("starting\nlistening on 8080"), None, id="nothing but news"),
        pytest.param([], None, id="no log"),
    ],
)
def test_the_cause_is(lines: list[str], cause: Cause | None) -> None:
    assert ends.find_cause(lines) == cause


def test_a_cause_is_reported_with_status_and_object() -> None:
    assert str(Cause("boom", "b/in.csv", 400)) == "the container answered 400: boom (in b/in.csv)"


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        pytest.param("could not convert string to float: 'abc'", 2, id="a value that Python quotes"),
        pytest.param("could not convert string to float: np.str_('abc')", 2, id="a value that numpy quotes"),
        pytest.param("could not convert string to float: 'ab'", 0, id="a value that is only a part of another"),
        pytest.param("Check failed: 5 vs. 6", 0, id="no value"),
    ],
)
def test_the_line_that_has_a_quoted_value_is_found(tmp_path: Path, sentence: str, line: int) -> None:
    (tmp_path / "in.csv").write_text('1,2\n3,"abc"\n4,abc\n')
    found = ends.located(Cause(sentence, "b/in.csv"), tmp_path / "in.csv")
    assert found.line == line
    assert ("(in line 2 of b/in.csv)" in str(found)) is bool(line)


def test_an_input_that_is_gone_has_no_lines(tmp_path: Path) -> None:
    cause = Cause("could not convert string to float: 'abc'")
    assert ends.located(cause, tmp_path / "gone.csv") == cause


def test_a_long_cause_is_cut() -> None:
    (found,) = [ends.find_cause(agent(f"ClientError: 400\n\nMessage:\n{'x' * 5000}"))]
    assert found is not None
    assert len(found.sentence) < 500
