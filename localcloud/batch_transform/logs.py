"""Where a job's log lines go: a stream for each container, one for the agent's data log, on each instance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Logs(Protocol):
    """Takes log lines; never raises, a log that cannot be written fails no job."""

    def container(self, instance: int, name: str, line: bytes, /) -> None:
        """One line that a container wrote; it has a name in a pipeline only."""
        ...

    def data(self, instance: int, line: str, /) -> None:
        """One line of the data log."""
        ...


def stamped(text: str, now: datetime | None = None) -> str:
    """A line as the agent writes it: UTC, milliseconds, no zone."""
    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{moment}:[sagemaker logs]: {text}"
