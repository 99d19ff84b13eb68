"""How a look at an object comes out."""

from __future__ import annotations

from typing import Final, NamedTuple

from localcloud.operator.resource import Resource

# How often ACK looks at a job that moves.
POLL_SECONDS: Final = 30.0


class Terminal(Exception):  # noqa: N818  an end, not an error
    """Nothing but a change of the object can help."""

    def __init__(self) -> None:
        super().__init__("resource is in terminal condition")


class Waiting(Exception):  # noqa: N818  nothing is wrong
    """SageMaker needs time; look again then."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Attempt(NamedTuple):
    """How far a look came.

    Attributes:
        latest: the object as it is now known; None when nothing is to be written about it.
        stopped: what ended the look before everything was in order.
    """

    latest: Resource | None
    stopped: Exception | None = None
