"""The life of a transform job: InProgress, then Completed or Failed, or Stopping and Stopped."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime

REASON_LENGTH = 1024


class JobStatus(enum.StrEnum):
    """What DescribeTransformJob shows; there is no Pending."""

    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED}


def _now() -> datetime:
    """Now, in the milliseconds that the API shows."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class JobState:
    """Where a job stands; changes that its present status does not allow are ignored."""

    status: JobStatus = JobStatus.IN_PROGRESS
    reason: str | None = None
    created: datetime = field(default_factory=_now)
    started: datetime | None = None
    ended: datetime | None = None
    modified: datetime = field(default_factory=_now)

    def start(self) -> None:
        """Instances have started."""
        if not self.status.final and self.started is None:
            self.started = self.modified = self._later()

    def stop(self) -> bool:
        """A stop was asked for; whether the job was running."""
        if self.status is not JobStatus.IN_PROGRESS:
            return False
        self.status, self.modified = JobStatus.STOPPING, self._later()
        return True

    def end(self, outcome: JobStatus, reason: str | None = None) -> None:
        """The job ended. Once stopping, it ends as stopped whatever it was about to become."""
        if self.status.final:
            return
        self.status = JobStatus.STOPPED if self.status is JobStatus.STOPPING else outcome
        self.reason = (reason or "")[:REASON_LENGTH] if self.status is JobStatus.FAILED else None
        self.ended = self.modified = self._later()

    def _later(self) -> datetime:
        """Now, or the last change where the clock was set back since: the job's times stay in their order."""
        return max(_now(), self.created, self.modified)
