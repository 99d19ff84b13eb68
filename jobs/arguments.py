"""The arguments of a batch transform job, in SageMaker's vocabulary.

Most members are those of CreateTransformJob, in snake case, as far as the operator supports them. The defaults suit a CSV
file without a header, with one prediction for each line. `ModelArgs` and `ContainerArgs` describe a model of the job's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from infra.model_args import ContainerArgs, ModelArgs
from infra.problems import NamedArguments
from jobs.inputs import ResultOf

__all__ = ["ContainerArgs", "ExperimentConfig", "ModelArgs", "ModelClientConfig", "Schedule", "TransformJobArgs"]

S3DataType = Literal["S3Prefix", "ManifestFile"]
CompressionType = Literal["None", "Gzip"]
SplitType = Literal["None", "Line", "RecordIO", "TFRecord"]
AssembleWith = Literal["None", "Line"]
BatchStrategy = Literal["MultiRecord", "SingleRecord"]
JoinSource = Literal["Input", "None"]


@dataclass(frozen=True)
class ModelClientConfig(NamedArguments):
    """How long SageMaker waits for the model container, and how often it tries again."""

    invocations_timeout_in_seconds: int = 600
    invocations_max_retries: int = 3


@dataclass(frozen=True)
class ExperimentConfig(NamedArguments):
    """The experiment and trial of SageMaker Experiments that the job belongs to."""

    experiment_name: str | None = None
    trial_name: str | None = None
    trial_component_display_name: str | None = None


@dataclass(frozen=True)
class Schedule(NamedArguments):
    """When EventBridge Scheduler runs a job. docs/schedules.md says how that differs from `up`."""

    expression: str
    """`cron(0 2 * * ? *)`, `rate(12 hours)` or `at(2027-01-01T02:00:00)`."""
    timezone: str = "UTC"
    """An IANA name, such as Europe/Berlin; daylight saving time is taken into account."""
    retries: int = 0
    """How often a failed call is tried again. After a call whose reply was lost, that may start a second, billed job."""


@dataclass(frozen=True)
class TransformJobArgs(NamedArguments):
    """Arguments of one job. A change of any runs the job again, except tags and everything below "How `up` treats it"."""

    also_called = {  # noqa: RUF012  a ClassVar by its declaration
        "strategy": "batch_strategy",
        "data": "input",
        "s3uri": "input",
        "datasource": "input",
        "datatype": "s3_data_type",
        "outputpath": "output_base",
        "s3outputpath": "output_base",
        "maxpayload": "max_payload_in_mb",
        "maxpayloadmb": "max_payload_in_mb",
        "env": "environment",
        "kmskeyid": "output_kms_key_id",
        "outputkmskey": "output_kms_key_id",
        "volumekmskey": "volume_kms_key_id",
        "transforminstancetype": "instance_type",
        "transforminstancecount": "instance_count",
        "label": "labels",
    }

    input: str | ResultOf
    """A local file or folder, which is uploaded (a Path becomes a text); an `s3://` URI; or another job's result."""

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
    model: ModelArgs | None = None
    """A model of the job's own, which is created together with it."""
    model_name: pulumi.Input[str] | None = None
    """The name of a model that exists already. Without this and `model`, the job uses the stack's model."""
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
    """Whether `up` waits for the end. If not, path and status are exported as far as known, and a failure of the job does
    not fail the run."""
    timeout_minutes: int | None = None
    """By default the stack's `jobTimeoutMinutes`."""
    after: Sequence[str] = ()
    """Names of jobs that must end first. They affect the order only, not the job's identity."""

    # Facts about the data, for the tools that show results
    labels: str | None = None
    """A CSV file with the right answers: a path from the program's folder, or an `s3://` URI. Without it there are no
    metrics. The answers are matched to the input's records line by line, or by `label_key`."""
    label_column: str | int | None = None
    """The column of the answers in `labels`: its name in the header line, or its position from 0 in a file without one;
    by default the only column."""
    label_key: str | int | None = None
    """The column by which a line of the result, which must carry it (a join), finds its line in `labels`: its name in
    the header line and in `columns`, or its position from 0 in both files."""
    columns: Sequence[str] | None = None
    """The names of the input's columns, before any filter, since the file itself has no header."""

    # Instead of by `up`
    schedule: Schedule | None = None
    """When AWS runs the job. Its input is then an `s3://` URI, which is read whenever the schedule fires."""
