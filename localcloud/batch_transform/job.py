"""A transform job as the data plane sees it: its settings, its state, its logs, and how it is stopped."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from localcloud.batch_transform.errors import Stopped

MEBIBYTE = 2**20
DEFAULT_PAYLOAD_MB = 6
DEFAULT_TIMEOUT_SECONDS = 600
DEFAULT_RETRIES = 3
REASON_LENGTH = 1024
"""The most characters of a FailureReason."""


class Split(enum.StrEnum):
    """How objects are cut into records; the value is the spelling of CreateTransformJob."""

    NONE = "None"
    LINE = "Line"
    RECORD_IO = "RecordIO"
    TF_RECORD = "TFRecord"


class Strategy(enum.StrEnum):
    """How many records go into one request; the value is the spelling of CreateTransformJob."""

    MULTI_RECORD = "MultiRecord"
    SINGLE_RECORD = "SingleRecord"


@dataclass(frozen=True)
class DataProcessing:
    """Filters and the join with the input."""

    input_filter: str = "$"
    join_input: bool = False
    output_filter: str = "$"

    @property
    def active(self) -> bool:
        return self.join_input or self.input_filter != "$" or self.output_filter != "$"


@dataclass(frozen=True)
class ModelContainer:
    """One container of the model; an inference pipeline has several, in the order of their work.

    Args:
        name: by which logs call it; empty where the model has one container only.
        environment: what CreateModel gave it.
    """

    name: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Transform:
    """The settings of one job; None where the caller left a value to the container or to the default."""

    input_uri: str
    output_uri: str
    manifest: bool = False
    gzip: bool = False
    content_type: str | None = None
    accept: str | None = None
    split: Split = Split.NONE
    assemble_line: bool = False
    strategy: Strategy | None = None
    max_concurrent: int | None = None
    max_payload_mb: int | None = None
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    max_retries: int = DEFAULT_RETRIES
    instance_count: int = 1
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    containers: tuple[ModelContainer, ...] = (ModelContainer(),)
    processing: DataProcessing = field(default_factory=DataProcessing)


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


class Cancellation:
    """Set once; whoever waits on something registers how to be interrupted."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: set[Callable[[], None]] = set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            interrupts = list(self._interrupts)
        for interrupt in interrupts:
            interrupt()

    def check(self) -> None:
        """Raise Stopped when cancelled."""
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the cancellation."""
        self._event.wait(seconds)

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Generator[None]:
        """Call `interrupt` when cancelled inside the block (at once when cancelled before)."""
        with self._lock:
            self._interrupts.add(interrupt)
        try:
            if self._event.is_set():
                interrupt()
            yield
        finally:
            with self._lock:
                self._interrupts.discard(interrupt)
