"""Errors as AWS answers them: a code, a message, an HTTP status."""

from __future__ import annotations


class AwsError(Exception):
    """An error that the caller sees in its service's own protocol.

    Attributes:
        code: AWS error code, e.g. `ResourceNotFoundException`.
        message: what is wrong, where, and what to do.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class AccessDeniedError(AwsError):
    def __init__(self, message: str, code: str = "AccessDenied") -> None:
        super().__init__(code, message, 403)


class NotAvailableError(AwsError):
    """An operation that AWS has and the local cloud has not."""

    def __init__(self, service: str, operation: str, detail: str = "") -> None:
        message = f"Operation {service}:{operation} is not available in the local cloud.{detail}"
        super().__init__("NotImplemented", message, 501)
