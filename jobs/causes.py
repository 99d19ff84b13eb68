"""Why a job failed, in one sentence, from the lines of its log.

SageMaker's agent writes a container's answer line by line, each with the same prefix; a container writes stack traces. A
reader needs one sentence of it: what follows `Message:`, XGBoost's `Check failed`, or the exception at the end of a Python
traceback.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
_PLACE = re.compile(r"^\[[\d:]+\] \S+?:\d+: ")  # where in XGBoost's source a check stands


@dataclass(frozen=True)
class Cause:
    """What a log says about a failure.

    Attributes:
        sentence: the cause.
        of: the S3 object whose records failed, as bucket/key; empty where the log names none.
        status: of the container's answer; 0 where it gave none.
        line: of the input, from 1; 0 where it is not known.
    """

    sentence: str
    of: str = ""
    status: int = 0
    line: int = 0

    def __str__(self) -> str:
        answered = f"the container answered {self.status}: " if self.status else ""
        where = " of ".join([*([f"line {self.line}"] if self.line else []), *([self.of] if self.of else [])])
        return f"{answered}{self.sentence}{f' (in {where})' if where else ''}"


def find(lines: Sequence[str]) -> Cause | None:
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
    """Return the last answer that the agent reports, or what else it says about an object."""
    reported = [(found["object"], line[found.end() :]) for line in lines if (found := _AGENT.match(line))]
    for number in range(len(reported) - 1, -1, -1):
        of, text = reported[number]
        if answered := _ANSWERED.fullmatch(text):
            body = [line for where, line in reported[number + 1 :] if where == of and line != "Message:"]
            sentence = _sentence(body) or "it gave no message"
            return Cause(sentence, of, int(answered["status"]))
    said = [(of, text) for of, text in reported if text.strip()]
    return Cause(_short(said[-1][1]), said[-1][0]) if said else None


def _from_container(lines: Sequence[str]) -> Cause | None:
    sentence = next((found for line in reversed(lines) if (found := _exact(line))), "")
    return Cause(_short(sentence)) if sentence else None


def _sentence(body: Sequence[str]) -> str:
    """Return what a message says, without its stack."""
    if exact := next((found for line in body if (found := _CHECK.search(line))), None):
        return _short(exact[0])
    before = list(_until_stack(body))
    last = next((line for line in reversed(body) if _EXCEPTION.match(line.strip())), "")
    return _short(" ".join(before)) or _short(last)


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


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
