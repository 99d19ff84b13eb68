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
    """How objects are split into records; each value is spelled as in CreateTransformJob."""

    NONE = "None"
    LINE = "Line"
    RECORD_IO = "RecordIO"
    TF_RECORD = "TFRecord"


class Strategy(enum.StrEnum):
    """How many records go into one request; each value is spelled as in CreateTransformJob."""

    MULTI_RECORD = "MultiRecord"
    SINGLE_RECORD = "SingleRecord"


@dataclass(frozen=True)
class DataProcessing:
    """The filters, and whether answers are joined with the input.

    Args:
        input_filter: selects the part of each record that is sent to the model.
        join_input: whether each answer is joined with its record.
        output_filter: selects the part of each answer, or of each joined record, that is written.
    """

    input_filter: str = "$"
    join_input: bool = False
    output_filter: str = "$"

    @property
    def active(self) -> bool:
        return self.join_input or self.input_filter != "$" or self.output_filter != "$"


@dataclass(frozen=True)
class ModelContainer:
    """One container of the model; an inference pipeline has several, in the order in which they are invoked.

    Args:
        name: its name in the logs; empty if the model has only one container.
        environment: its environment variables from CreateModel.
    """

    name: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Transform:
    """The settings of one job. None means that the container or the default decides.

    Args:
        input_uri: S3 URI of a prefix, or of a manifest.
        output_uri: S3 URI of the folder of the outputs.
        manifest: whether `input_uri` names a manifest.
        gzip: whether the input objects are compressed.
        content_type: the Content-Type of requests; None sends no such header.
        accept: the Accept of requests; None sends no such header.
        split: how objects are split into records.
        assemble_line: whether AssembleWith is Line, so that each answer is followed by a newline.
        strategy: how many records go into one request.
        max_concurrent: how many requests are sent at a time to an instance.
        max_payload_mb: the largest body of a request in mebibytes; 0 is unlimited, and streams the object.
        timeout_seconds: how long one attempt at a request may take.
        max_retries: how many more attempts follow a failed one.
        instance_count: how many instances share the objects.
        environment: environment variables of the job, for all containers.
        containers: the model's containers.
        processing: filters and join.
    """

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
    """The status of a job as DescribeTransformJob shows it; there is no Pending."""

    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED}


def _now() -> datetime:
    """The time now, to the millisecond, as the API shows it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class JobState:
    """The status of a job and when it changed. A change that the status does not allow is ignored.

    Args:
        status: the status now.
        reason: the FailureReason of a job that failed.
        created: when the job was created.
        started: when its instances started.
        ended: when it ended.
        modified: when the state last changed.
    """

    status: JobStatus = JobStatus.IN_PROGRESS
    reason: str | None = None
    created: datetime = field(default_factory=_now)
    started: datetime | None = None
    ended: datetime | None = None
    modified: datetime = field(default_factory=_now)

    def start(self) -> None:
        """Record that the instances have started."""
        if not self.status.final and self.started is None:
            self.started = self.modified = self._later()

    def stop(self) -> bool:
        """Record that the job is to be stopped.

        Returns:
            Whether it was in progress.
        """
        if self.status is not JobStatus.IN_PROGRESS:
            return False
        self.status, self.modified = JobStatus.STOPPING, self._later()
        return True

    def end(self, outcome: JobStatus, reason: str | None = None) -> None:
        """Record the end of the job. A job that is being stopped ends as Stopped, whatever its outcome.

        Args:
            outcome: Completed, Failed or Stopped.
            reason: the FailureReason, cut off at `REASON_LENGTH` characters.
        """
        if self.status.final:
            return
        self.status = JobStatus.STOPPED if self.status is JobStatus.STOPPING else outcome
        self.reason = (reason or "")[:REASON_LENGTH] if self.status is JobStatus.FAILED else None
        self.ended = self.modified = self._later()

    def _later(self) -> datetime:
        """The time now, or of the last change if the clock was set back: the job's times stay in order."""
        return max(_now(), self.created, self.modified)


class Logs(Protocol):
    """Takes the job's log lines, in one stream for each container and one for the data log of each instance.

    Its methods raise no error, because a log that cannot be written must not fail the job.
    """

    def container(self, instance: int, name: str, line: bytes, /) -> None:
        """Log a line that a container wrote.

        Args:
            instance: the number of the instance, from 0.
            name: the container's name; empty unless it is in an inference pipeline.
            line: the line without its newline.
        """
        ...

    def data(self, instance: int, line: str, /) -> None:
        """Log a line in the data log.

        Args:
            instance: the number of the instance, from 0.
            line: the line, without the time.
        """
        ...


def stamped(text: str) -> str:
    """A line of the data log as SageMaker's agent writes it: the time in UTC with milliseconds and no zone, the text."""
    moment = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{moment}:[sagemaker logs]: {text}"


class Cancellation:
    """Stops a job at any moment: waiting ends, and open connections are closed. It is cancelled once, for good."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: set[Callable[[], None]] = set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """Cancel, and interrupt whoever registered by `interrupting`."""
        with self._lock:
            self._event.set()
            interrupts = list(self._interrupts)
        for interrupt in interrupts:
            interrupt()

    def check(self) -> None:
        """Raise `Stopped` if cancelled."""
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep for some seconds, or until it is cancelled."""
        self._event.wait(seconds)

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Generator[None]:
        """Call a function if this is cancelled while the block runs, or at once if it is cancelled already.

        Args:
            interrupt: ends the block's wait; called from another thread.
        """
        with self._lock:
            self._interrupts.add(interrupt)
        try:
            if self._event.is_set():
                interrupt()
            yield
        finally:
            with self._lock:
                self._interrupts.discard(interrupt)
