"""How jobs ended: a message for each failure, and one for all of them together.

The message for a failure has SageMaker's reason, the cause that the job's log gives, and what to do. A job with a wrong
input or argument would fail again, so only a job that may succeed next time is to be run again as it is. Every job is
exported, however it ended, and the run fails with one line about all of them, after all of them have ended. So a failure
costs no other job's result, and every later run reports it again until something changes.

A job that reads another's result starts when that one has ended, however it ended. If that wrote nothing, SageMaker does
not start the next job; if it wrote some of many results, the next job runs on these and completes. So a job never counts
as completed when a job before it has failed.

These are pure functions from statuses to messages; functions that ask CloudWatch and S3 are passed in.

The cause is one sentence from the lines of the job's log. SageMaker's agent writes a container's answer line by line, each
with the same prefix; a container writes stack traces. The sentence is the text after `Message:`, XGBoost's `Check failed`, or
the exception at the end of a Python traceback.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SHOWN_LINES = 10  # the last lines of a log that gives no cause
LOOKUPS = 8  # results that are looked up at once
RUNNING = ("InProgress", "Stopping")

LastLines = Callable[[str, int], Sequence[str]]
"""Returns the last log lines of a job by its SageMaker name."""
ResultExists = Callable[[str], bool]
"""Says whether there is something at an S3 path."""

_REMEDIES = {
    "ResourceLimitExceeded": "ask AWS for a larger quota (`make preflight REQUEST=1`), or let fewer run at once (config maxJobsAtOnce)",
    "AccessDenied": "give the role the permission that the message names (config inputBuckets, outputBuckets, kmsKeys)",
    "No S3 objects found": "put the input where the job reads it, or correct `input`",
    "Could not find model": "correct `model_name`, or give the job a model of its own: model=ModelArgs(archive=...)",
}
"""Remedies by a part of SageMaker's message; the first part that occurs counts."""
LINES = 200
"""How many of the last lines are read: a C++ stack trace of XGBoost has about 40, a Python traceback up to 100."""
_LONGEST = 400  # characters of a sentence
_EVENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[(?P<stream>[^\]]*)\] ")
_AGENT = re.compile(r"\S+:\[sagemaker logs\]: (?P<object>\S+): ?")
_ANSWERED = re.compile(r"(?:ClientError|Bad HTTP status received from algorithm): (?P<status>\d{3})\s*")
_NO_NUMBER = re.compile(r"could not convert string to float: (?:np\.str_\()?'([^']*)'")
_CHECK = re.compile(r"Check failed: .*")
_EXCEPTION = re.compile(r"(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b:?.*")
_STACK = re.compile(r"\s*(?:Stack trace|Traceback \(most recent call last\)|\[bt\]|File \"|at 0x)")
_PLACE = re.compile(r"^\[[\d:]+\] \S+?:\d+: ")  # the place of a check in XGBoost's source


@dataclass(frozen=True)
class Cause:
    """The cause of a failure, from a job's log.

    Attributes:
        sentence: the cause.
        of: the S3 object with the records that failed, as bucket/key; empty if the log names none.
        status: the HTTP status of the container's answer; 0 without an answer.
        line: the line of the input, from 1; 0 if it is not known.
    """

    sentence: str
    of: str = ""
    status: int = 0
    line: int = 0

    def __str__(self) -> str:
        answered = f"the container answered {self.status}: " if self.status else ""
        where = " of ".join([*([f"line {self.line}"] if self.line else []), *([self.of] if self.of else [])])
        return f"{answered}{self.sentence}{f' (in {where})' if where else ''}"


@dataclass(frozen=True)
class Ended:
    """A job as the run left it."""

    name: str
    job_name: str
    status: Mapping[str, Any]
    result_path: str
    stack: str
    waited: bool = True
    input_of: "Ended | None" = None
    """The job that wrote this one's input."""
    rerun: str = ""
    lines: Sequence[str] = ()
    """The last lines of the log, if the job itself failed."""
    cause: Cause | None = None
    """The cause that these lines give."""

    @property
    def has_log(self) -> bool:
        """Whether the job itself ran and failed, so that its log gives the reason."""
        return self.failed and self.state not in {"NotStarted", *RUNNING} and not self.is_foreign

    @property
    def why(self) -> str:
        """One line on why the job did not complete; empty for a job that did, and for one with wait=False that still runs."""
        if not self.needs_report:
            return ""
        return str(self.cause or (self.reason if self.failed and not self.failed_input else "") or _what_became(self))

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
        """Whether the object shows the status of a job that the operator does not manage."""
        return any(c.get("type") == "ACK.Terminal" and c.get("status") == "True" for c in _conditions(self.status))

    @property
    def failed(self) -> bool:
        """Whether the run must fail because of it. A job with wait=False fails the run only if it is known to have failed."""
        if self.waited:
            return self.state != "Completed" or self.is_foreign
        return self.state in {"Failed", "Stopped"} or self.is_foreign

    @property
    def failed_input(self) -> "Ended | None":
        """The nearest failed job whose result this one reads, so that its input is missing or incomplete."""
        before = self.input_of
        return before if before is None or before.failed else before.failed_input

    @property
    def needs_report(self) -> bool:
        """Whether there is a failure to report: its own, or an incomplete input."""
        return self.failed or self.failed_input is not None


def state(status: Mapping[str, Any]) -> str:
    """Return the job's TransformJobStatus; NotStarted for a job that SageMaker does not know."""
    return str(status.get("transformJobStatus") or "NotStarted")


def failure(job: Ended) -> str:
    """Say how a job failed, why, and what to do."""
    return "\n".join([f"{job.name}: {_what_became(job)}", *_logged(job), *_remedy(job)])


def expired(ended: Sequence[Ended], result_exists: ResultExists) -> dict[str, str]:
    """Return a message for each completed job whose result no longer exists, by the jobs' names."""
    done = [job for job in ended if job.state == "Completed" and not job.needs_report]
    with ThreadPoolExecutor(LOOKUPS) as pool:
        there = pool.map(result_exists, [job.result_path for job in done])
        return {job.name: _expired(job) for job, exists in zip(done, there, strict=True) if not exists}


def summary(ended: Sequence[Ended]) -> str | None:
    """Return the line that fails the run, or None."""
    failed = sum(job.failed for job in ended)
    incomplete = sum(job.needs_report for job in ended) - failed
    also = f", {incomplete} read only a part of the input" if incomplete else ""
    jobs = "job" if len(ended) == 1 else "jobs"
    return f"{failed} of {len(ended)} transform {jobs} did not complete{also}" if failed else None


def run_again(job: Ended) -> str:
    """Return the commands that run a job again; they name the stack, because make and Pulumi have different defaults."""
    count = job.rerun.partition("@")[0]
    number = int(count) + 1 if count.isdecimal() else 2
    pulumi = f"pulumi config set --path rerun.{job.name} {number} --stack {job.stack} && pulumi up --stack {job.stack}"
    return f"make retry JOB={job.name} STACK={job.stack}  (or: {pulumi})"


def _what_became(job: Ended) -> str:
    reason = job.reason or "no reason was given"
    if job.is_foreign:
        return f"the operator does not accept the job {job.job_name}: {reason}"
    if job.state in RUNNING:
        return f"the job {job.job_name} is {job.state} and still runs; `up --refresh` shows how it ends"
    if job.state == "NotStarted":
        return _not_started(job, reason)
    if job.state == "Completed" and job.failed_input:
        return f"Completed, but on a part of its input only: {job.failed_input.name}, whose result it reads, did not complete"
    return f"the job {job.job_name} is {job.state}: {reason}"


def _not_started(job: Ended, reason: str) -> str:
    before = job.input_of
    if before is None or not before.failed:
        return f"SageMaker did not start the job {job.job_name}: {reason}"
    known = "not run" if job.waited else "perhaps not run"
    said = f": {job.reason}" if job.reason else ""
    return f"{known}, because its input is the result of {before.name}, which did not complete{said}"


def _logged(job: Ended) -> Iterator[str]:
    """Return the cause, or the end of a log that gives none."""
    if job.cause:
        yield f"cause: {job.cause}"
    elif job.lines:
        yield "last log lines:"
        yield from (f"  {line}" for line in job.lines[-SHOWN_LINES:])


def _remedy(job: Ended) -> Iterator[str]:
    """Say what to do: if jobs read each other's results, the first one that failed must be fixed."""
    if job.failed_input:
        yield f"fix {job.failed_input.name}, whose result it reads: this job then runs again"
    elif job.is_foreign or job.state == "NotStarted":
        yield _remedy_of_refusal(job)
    elif job.state not in RUNNING:
        yield _remedy_of_failure(job)


def _remedy_of_refusal(job: Ended) -> str:
    """SageMaker's message says whether the declaration, a permission or a quota keeps the job from starting."""
    if "already exists" in job.reason:
        return f"run it again, under another name: {run_again(job)}"
    operator = f"see whether the operator runs (kubectl describe batchtransformjob {job.job_name})"
    argument = "change the argument that SageMaker names, in the job's declaration" if job.reason else operator
    remedy = next((remedy for words, remedy in _REMEDIES.items() if words in job.reason), argument)
    return f"{remedy}; then: make up STACK={job.stack}"


def _remedy_of_failure(job: Ended) -> str:
    whole = f"The whole log: kubectl smlogs batchtransformjob {job.name} (in make shell STACK={job.stack})"
    status = job.cause.status if job.cause else 0
    if 400 <= status < 500 or job.reason.startswith("ClientError"):
        return f"correct the input, or the arguments that describe it; then: make up STACK={job.stack}. {whole}"
    if status >= 500 or job.reason.startswith("AlgorithmError"):
        return f"correct the model or its container, which failed; then: make up STACK={job.stack}. {whole}"
    return f"it may succeed next time; run it again: {run_again(job)}"


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


def find_cause(lines: Sequence[str]) -> Cause | None:
    """Return the cause that a job's log gives; None if it gives none.

    Args:
        lines: the last lines, oldest first, each with or without the time and stream that CloudWatch adds.
    """
    bare = [_EVENT.sub("", line, count=1) for line in lines]
    return _from_agent(bare) or _from_container([line for line in bare if not _AGENT.match(line)])


def located(cause: Cause, path: Path) -> Cause:
    """Add the number of the line in a local input that contains the value quoted in the cause, if there is one."""
    quoted = _NO_NUMBER.search(cause.sentence)
    if quoted is None:
        return cause
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = (n for n, line in enumerate(file, start=1) if quoted[1] in map(_bare, line.split(",")))
            return replace(cause, line=next(lines, 0))
    except OSError:  # the file has been removed since
        return cause


def _bare(field: str) -> str:
    return field.strip().strip('"')


def _from_agent(lines: Sequence[str]) -> Cause | None:
    """Return the last answer that the agent reports, or its last line about an object."""
    reported = [(found["object"], line[found.end() :]) for line in lines if (found := _AGENT.match(line))]
    for number in range(len(reported) - 1, -1, -1):
        of, text = reported[number]
        if answered := _ANSWERED.fullmatch(text):
            body = [line for where, line in reported[number + 1 :] if where == of and line != "Message:"]
            sentence = _sentence(body) or "it gave no message"
            return Cause(sentence, of, int(answered["status"]))
    said = [(of, text) for of, text in reported if text.strip()]
    return Cause(_shortened(said[-1][1]), said[-1][0]) if said else None


def _from_container(lines: Sequence[str]) -> Cause | None:
    sentence = next((found for line in reversed(lines) if (found := _exact(line))), "")
    return Cause(_shortened(sentence)) if sentence else None


def _sentence(body: Sequence[str]) -> str:
    """Return a message without its stack trace."""
    if exact := next((found for line in body if (found := _CHECK.search(line))), None):
        return _shortened(exact[0])
    before = list(_until_stack(body))
    last = next((line for line in reversed(body) if _EXCEPTION.match(line.strip())), "")
    return _shortened(" ".join(before)) or _shortened(last)


def _until_stack(body: Sequence[str]) -> Iterator[str]:
    for line in body:
        if _STACK.match(line):
            return
        if line.strip():
            yield _PLACE.sub("", line.strip())


def _exact(line: str) -> str:
    """Return the part of a container's line that carries a cause; empty for any other line."""
    if found := _CHECK.search(line):
        return found[0]
    found = _EXCEPTION.match(line.strip())
    return found[0] if found else ""


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
