"""The failures of a job, in SageMaker's words.

A job's FailureReason is one of a few fixed sentences; the details are in the job's data log. So a failure carries both:
the reason for the job, and the lines for the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_SEE_LOGS = "See job logs for more information"
CLIENT_ERROR = f"ClientError: {_SEE_LOGS}"
ALGORITHM_ERROR = f"AlgorithmError: {_SEE_LOGS}"
INTERNAL_ERROR = "InternalServerError: We encountered an internal error.  Please try again."
NO_PING = "AlgorithmError: Model container failed to respond to ping"


class Stopped(Exception):  # noqa: N818  a stop was requested, and is not an error
    """The job was stopped. Objects that were not finished have no output."""


class StorageError(Exception):
    """An object cannot be listed, read or written. Sources and sinks raise it."""


class RecordError(Exception):
    """A record, or the answer to it, cannot be read, filtered or joined.

    Args:
        message: the reason, with the text that cannot be read.
        at: the position of the record in its request, from 0; None if the error is not about a single record.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


def each(function: Callable[[_Given], _Made], records: Iterable[_Given]) -> list[_Made]:
    """Apply a function to each record.

    Args:
        function: raises `RecordError` for a record that it cannot process.
        records: the records of a request.

    Raises:
        RecordError: the first error of the function, with the position of its record.
    """
    made: list[_Made] = []
    try:
        made.extend(map(function, records))
    except RecordError as error:
        raise RecordError(str(error), len(made)) from error
    return made


class TransformFailure(Exception):  # noqa: N818  SageMaker's FailureReason
    """A failure that SageMaker reports: a reason for the job, lines for its data log.

    Args:
        reason: the job's FailureReason.
        lines: the lines for the data log.
    """

    def __init__(self, reason: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lines = lines


class InstanceFailure(TransformFailure):
    """The whole instance fails, because its container does not start or does not answer."""


class ObjectFailure(TransformFailure):
    """One input object fails; the others go on."""

    def with_line(self, line: str) -> ObjectFailure:
        """The same failure with one more line in the log."""
        return ObjectFailure(self.reason, (*self.lines, line))


def client_error(*lines: str) -> ObjectFailure:
    """A failure that the caller's settings or permissions cause."""
    return ObjectFailure(CLIENT_ERROR, lines)


def data_error(*lines: str) -> ObjectFailure:
    """A failure that an object's content, or a filter for it, causes.

    Public reports show that the agent logs its own findings in the form of a container's answer with status 400.
    """
    return client_error("ClientError: 400", "", "Message:", *lines)


def http_error(status: int, body: bytes) -> ObjectFailure:
    """The failure of a request that the model answered with a status other than 2xx.

    Args:
        status: the HTTP status.
        body: the body of the answer, which goes into the data log.
    """
    text = body.decode("utf-8", "replace").splitlines()
    if status < 500:
        return client_error(f"ClientError: {status}", "", "Message:", *text)
    first = f"Bad HTTP status received from algorithm: {status}"
    return ObjectFailure(ALGORITHM_ERROR, (first, "", "Message:", *text))


def no_response() -> ObjectFailure:
    """The failure of a request without an answer: it timed out, or the connection was closed."""
    return ObjectFailure(INTERNAL_ERROR, ("Unable to get response from algorithm",))
