"""What a batch transform job is, in SageMaker's vocabulary.

Each member is one of CreateTransformJob, in snake case, as far as the operator carries it. The defaults are those
of a CSV file without header, one prediction a line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from jobs.inputs import ResultOf

S3DataType = Literal["S3Prefix", "ManifestFile"]
CompressionType = Literal["None", "Gzip"]
SplitType = Literal["None", "Line", "RecordIO", "TFRecord"]
AssembleWith = Literal["None", "Line"]
BatchStrategy = Literal["MultiRecord", "SingleRecord"]
JoinSource = Literal["Input", "None"]


@dataclass(frozen=True)
class ModelClientConfig:
    """How patient SageMaker is with the model container."""

    invocations_timeout_in_seconds: int = 600
    invocations_max_retries: int = 3


@dataclass(frozen=True)
class ExperimentConfig:
    """Where SageMaker Experiments files the job."""

    experiment_name: str | None = None
    trial_name: str | None = None
    trial_component_display_name: str | None = None


@dataclass(frozen=True)
class TransformJobArgs:
    """Arguments of one job. A change of any runs it anew, but of those under "how `up` treats it" and of tags."""

    input: str | ResultOf
    """A local file or folder, which is uploaded; an `s3://` URI; or another job's result."""

    # Input
    s3_data_type: S3DataType = "S3Prefix"
    content_type: str | None = "text/csv"
    compression_type: CompressionType = "None"
    split_type: SplitType = "Line"

    # Output
    accept: str | None = "text/csv"
    assemble_with: AssembleWith = "Line"
    output_kms_key_id: str | None = None
    output_base: str | None = None
    """The `s3://` prefix under which the job gets a folder of its own; by default `output/` of the stack's bucket."""

    # Model and invocation
    model_name: pulumi.Input[str] | None = None
    """By default the stack's model."""
    batch_strategy: BatchStrategy = "MultiRecord"
    max_payload_in_mb: int = 6
    max_concurrent_transforms: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    model_client_config: ModelClientConfig | None = None

    # Filters and join
    input_filter: str | None = None
    join_source: JoinSource | None = None
    output_filter: str | None = None

    # Resources
    instance_type: str | None = None
    """By default the stack's `transformInstanceType`."""
    instance_count: int = 1
    volume_kms_key_id: str | None = None
    transform_ami_version: str | None = None
    experiment_config: ExperimentConfig | None = None

    # How `up` treats it
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    wait: bool = True
    """Whether `up` waits for the end. Without, path and status are exported as known, and no end fails the run."""
    timeout_minutes: int | None = None
    """By default the stack's `jobTimeoutMinutes`."""
    after: tuple[str, ...] = ()
    """Names of jobs that must end first. It orders; it does not enter the job's identity."""
