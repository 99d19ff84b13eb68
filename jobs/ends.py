"""How jobs ended: one check over all of them, after all of them.

Every job is exported whatever became of it; then this check, which nothing else depends on, tells each failure with
SageMaker's reason, the last lines of the job's log and the command that runs it again, and fails the run. So a
failure costs no other job's result, and it is told again by every later run until something changes.

From statuses to messages there are pure functions; what asks CloudWatch and S3 is passed in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

LOG_LINES = 10
LOOKUPS = 8  # results looked up at once
RUNNING = ("InProgress", "Stopping")

LastLines = Callable[[str, int], Sequence[str]]
"""Gives the last log lines of a job by its SageMaker name."""
ResultExists = Callable[[str], bool]
"""Says whether there is something at an S3 path."""


@dataclass(frozen=True)
class Ended:
    """A job as the run left it."""

    name: str
    job_name: str
    status: Mapping[str, Any]
    result_path: str
    stack: str
    waited: bool = True
    input_of: str | None = None
    """The job whose result was this one's input."""
    rerun: str = ""

    @property
    def state(self) -> str:
        return state(self.status)

    @property
    def reason(self) -> str:
        if self.status.get("failureReason"):
            return str(self.status["failureReason"])
        return next(_complaints(self.status), "")

    @property
    def is_foreign(self) -> bool:
        """Whether the status shown is that of a job which the operator does not manage."""
        return any(c.get("type") == "ACK.Terminal" and c.get("status") == "True" for c in _conditions(self.status))

    @property
    def failed(self) -> bool:
        """Whether the run must fail for it. One that nobody waited for fails the run only when it has ended badly."""
        if self.waited:
            return self.state != "Completed" or self.is_foreign
        return self.state in {"Failed", "Stopped"} or self.is_foreign


def state(status: Mapping[str, Any]) -> str:
    """Return SageMaker's word for a status; a job that SageMaker does not know has not started."""
    return str(status.get("transformJobStatus") or "NotStarted")


@dataclass(frozen=True)
class Finding:
    """What to tell about a job."""

    name: str
    text: str
    fails: bool


def findings(ended: Sequence[Ended], last_lines: LastLines, result_exists: ResultExists) -> list[Finding]:
    """Look at all jobs: which failed and why, and whose result is no longer there."""
    by_name = {job.name: job for job in ended}
    failed = [Finding(job.name, _failure(job, by_name, last_lines), fails=True) for job in ended if job.failed]
    done = [job for job in ended if job.state == "Completed" and not job.failed]
    with ThreadPoolExecutor(LOOKUPS) as pool:
        there = pool.map(result_exists, [job.result_path for job in done])
        gone = [job for job, exists in zip(done, there, strict=True) if not exists]
    return failed + [Finding(job.name, _expired(job), fails=False) for job in gone]


def summary(found: Sequence[Finding], total: int) -> str | None:
    """Return the line that fails the run, or None."""
    failed = sum(finding.fails for finding in found)
    return f"{failed} of {total} transform {'job' if total == 1 else 'jobs'} did not complete" if failed else None


def run_again(job: Ended) -> str:
    """Return the command that makes the job another one, which runs; it names the stack, for each has a default."""
    number = int(job.rerun) + 1 if job.rerun.isdigit() else 2
    pulumi = f"pulumi config set --path rerun.{job.name} {number} --stack {job.stack} && pulumi up --stack {job.stack}"
    return f"make retry JOB={job.name} STACK={job.stack}  (or: {pulumi})"


def _failure(job: Ended, by_name: Mapping[str, Ended], last_lines: LastLines) -> str:
    before = by_name.get(job.input_of or "")
    if before is not None and before.failed:
        return f"{job.name}: not run, because its input is the result of {before.name}, which is {before.state}."
    if job.state in RUNNING and not job.is_foreign:
        return f"{job.name}: the job {job.job_name} is {job.state}; it goes on, `up --refresh` sees how it ends."
    lines = [f"{job.name}: {_what_became(job)}"]
    logs = list(last_lines(job.job_name, LOG_LINES)) if job.state != "NotStarted" else []
    if logs:
        lines += ["last log lines:", *(f"  {line}" for line in logs)]
    return "\n".join([*lines, f"run it again: {run_again(job)}"])


def _what_became(job: Ended) -> str:
    reason = job.reason or "no reason was given"
    if job.is_foreign:
        return f"the operator does not take the job {job.job_name}: {reason}"
    if job.state == "NotStarted":
        return f"SageMaker did not start the job {job.job_name}: {reason}"
    return f"the job {job.job_name} is {job.state}: {reason}"


def _expired(job: Ended) -> str:
    return (
        f"{job.name}: the job {job.job_name} is Completed, but its result is gone from {job.result_path}; "
        f"results expire (config resultsExpireDays).\nrun it again: {run_again(job)}"
    )


def _conditions(status: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return status.get("conditions") or []


def _complaints(status: Mapping[str, Any]) -> Iterator[str]:
    for condition in _conditions(status):
        if condition.get("type") in {"ACK.Terminal", "ACK.Recoverable"} and condition.get("status") == "True":
            yield str(condition.get("message") or condition.get("reason") or "")
