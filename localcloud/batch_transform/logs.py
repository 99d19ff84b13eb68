"""Where a job's log lines go: one stream for the container, one for the agent's data log, on each instance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Logs(Protocol):
    """Takes log lines; never raises, a log that cannot be written fails no job."""

    def container(self, instance: int, line: bytes, /) -> None:
        """One line that a container wrote."""
        ...

    def data(self, instance: int, line: str, /) -> None:
        """One line of the data log."""
        ...


def stamped(text: str, now: datetime | None = None) -> str:
    """A line as the agent writes it: UTC, milliseconds, no zone."""
    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{moment}:[sagemaker logs]: {text}"
