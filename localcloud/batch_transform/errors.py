"""What can go wrong while a job runs, and what SageMaker says then.

A job's FailureReason is one of few fixed sentences; the detail is in the job's data log. So a failure carries both:
the reason for the job, and the lines for the log.
"""

from __future__ import annotations

SEE_LOGS = "See job logs for more information"
INTERNAL_ERROR = "InternalServerError: We encountered an internal error.  Please try again."
NO_PING = "AlgorithmError: Model container failed to respond to ping"


class BatchTransformError(Exception):
    """Anything this package raises on purpose."""


class Stopped(BatchTransformError):  # noqa: N818  a stop is asked for, it is no error
    """The job was stopped; what is unfinished leaves no output."""


class StorageError(BatchTransformError):
    """An object cannot be listed, read or written; raised by sources and sinks."""


class FilterSyntaxError(BatchTransformError):
    """A filter is not in SageMaker's JSONPath subset."""


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


def client_error(*lines: str) -> ObjectFailure:
    """The caller's data or settings are at fault."""
    return ObjectFailure(f"ClientError: {SEE_LOGS}", lines)


def http_error(status: int, body: bytes, server_error_reason: str) -> ObjectFailure:
    """The model answered with a status that is no success; the reason is the job's after a 5xx."""
    text = body.decode("utf-8", "replace").splitlines()
    if status < 500:
        return client_error(f"ClientError: {status}", "", "Message:", *text)
    first = f"Bad HTTP status received from algorithm: {status}"
    return ObjectFailure(server_error_reason, (first, "", "Message:", *text))


def no_response(reason: str = INTERNAL_ERROR) -> ObjectFailure:
    """The model gave no answer: none in time, or the connection broke."""
    return ObjectFailure(reason, ("Unable to get response from algorithm",))
