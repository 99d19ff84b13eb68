"""A transform job as the data plane sees it: what to read, how to cut it, what to send, where to write."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

MEBIBYTE = 2**20
DEFAULT_PAYLOAD_MB = 6
DEFAULT_TIMEOUT_SECONDS = 600
DEFAULT_RETRIES = 3


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
