"""What can go wrong while a job runs, and what SageMaker says then.

A job's FailureReason is one of few fixed sentences; the detail is in the job's data log. So a failure carries both:
the reason for the job, and the lines for the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

SEE_LOGS = "See job logs for more information"
INTERNAL_ERROR = "InternalServerError: We encountered an internal error.  Please try again."
ALGORITHM_ERROR = f"AlgorithmError: {SEE_LOGS}"
NO_PING = "AlgorithmError: Model container failed to respond to ping"


class BatchTransformError(Exception):
    """Anything this package raises on purpose."""


class Stopped(BatchTransformError):  # noqa: N818  a stop was requested, and is not an error
    """The job was stopped; what is unfinished leaves no output."""


class StorageError(BatchTransformError):
    """An object cannot be listed, read or written; raised by sources and sinks."""


class RecordError(BatchTransformError):
    """A record, or the answer to it, cannot be read, filtered or joined.

    Args:
        message: why, with the text that cannot be read.
        at: the record's place among those of its request, from 0; None where no single record is at fault.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


def each(function: Callable[[_Given], _Made], records: Iterable[_Given]) -> list[_Made]:
    """A function of each record.

    Raises:
        RecordError: of the first record that the function refuses, with the record's place.
    """
    made: list[_Made] = []
    try:
        made.extend(map(function, records))
    except RecordError as error:
        raise RecordError(str(error), len(made)) from error
    return made


class TransformFailure(BatchTransformError):  # noqa: N818  SageMaker's FailureReason
    """A failure that SageMaker reports: a reason for the job, lines for its data log.

    Args:
        reason: the job's FailureReason.
        lines: what the data log says about it.
    """

    def __init__(self, reason: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lines = lines


class InstanceFailure(TransformFailure):
    """The whole instance fails: its container does not start or does not answer."""


class ObjectFailure(TransformFailure):
    """One input object fails; the others go on."""

    def with_line(self, line: str) -> ObjectFailure:
        """The same failure with one more line in the log."""
        return ObjectFailure(self.reason, (*self.lines, line))


def client_error(*lines: str) -> ObjectFailure:
    """The caller's settings or rights are at fault."""
    return ObjectFailure(f"ClientError: {SEE_LOGS}", lines)


def data_error(*lines: str) -> ObjectFailure:
    """An object's content, or a filter for it, is at fault.

    The form of the log is that of public reports: the agent writes its own findings as it writes a container's answer
    with status 400.
    """
    return client_error("ClientError: 400", "", "Message:", *lines)


def http_error(status: int, body: bytes) -> ObjectFailure:
    """The model answered with a status other than success."""
    text = body.decode("utf-8", "replace").splitlines()
    if status < 500:
        return ObjectFailure(f"ClientError: {SEE_LOGS}", (f"ClientError: {status}", "", "Message:", *text))
    first = f"Bad HTTP status received from algorithm: {status}"
    return ObjectFailure(ALGORITHM_ERROR, (first, "", "Message:", *text))


def no_response() -> ObjectFailure:
    """The model gave no answer: none in time, or the connection broke."""
    return ObjectFailure(INTERNAL_ERROR, ("Unable to get response from algorithm",))
