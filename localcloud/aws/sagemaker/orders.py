"""Orders: what the endpoint sends to its worker process to run a job, over which channel, and what the data plane makes of it."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.aws.clients import RoleCredentials
from localcloud.aws.iam.credentials import Credential
from localcloud.batch_transform.job import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_SECONDS,
    DataProcessing,
    ModelContainer,
    Split,
    Strategy,
    Transform,
)

RoleSessions = Callable[[str, str], Credential]
"""Assumes a role as sagemaker.amazonaws.com, given the role's ARN and the ARN of the job or model.

It raises AwsError if the role does not exist, or does not trust SageMaker.
"""


@dataclass(frozen=True)
class OrderedContainer:
    """A container of the model to run.

    Args:
        image: the name of its image.
        model_data_url: the URL of its model archive, if it has one.
        environment: its environment variables from CreateModel.
        name: its name in the logs; empty if the model has only one container.
    """

    image: str
    model_data_url: str | None
    environment: Mapping[str, str]
    name: str = ""


@dataclass(frozen=True)
class Order:
    """A job to run, with everything that the worker needs. It is sent as JSON.

    Args:
        arn: the job's ARN, by which messages name it.
        request: the arguments of CreateTransformJob, which the endpoint has checked.
        containers: the model's containers, in the order in which a record passes through them.
        region: the region in which the job runs.
        credentials: keys of the model's execution role.
        network_isolation: whether the model's containers have no network.
    """

    arn: str
    request: Mapping[str, Any]
    containers: Sequence[OrderedContainer]
    region: str
    credentials: RoleCredentials
    network_isolation: bool = False

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Order:
        values = dict(fields)
        containers = [OrderedContainer(**one) for one in values.pop("containers")]
        return cls(credentials=RoleCredentials(**values.pop("credentials")), containers=containers, **values)


class JobListener(Protocol):
    """Is told what happens to one job, from any thread."""

    def started(self) -> None:
        """Take note that the job's instances have started."""
        ...

    def ended(self, status: str, reason: str | None) -> None:
        """Take note of the end.

        Args:
            status: Completed, Failed or Stopped.
            reason: the FailureReason of a job that failed.
        """
        ...


class Channel:
    """A connection that sends from any thread and is read by one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message.

        Raises:
            OSError: the other end is gone.
        """
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._connection.sendall(data)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Return each message, until the other end closes or dies."""
        try:
            with self._connection.makefile("rb") as lines:
                for line in lines:
                    yield json.loads(line)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def transform(order: Order) -> Transform:
    """Return the data plane's settings for a job."""
    request = order.request
    source: Mapping[str, Any] = request["TransformInput"]
    target: Mapping[str, Any] = request["TransformOutput"]
    client: Mapping[str, Any] = request.get("ModelClientConfig") or {}
    strategy = request.get("BatchStrategy")
    return Transform(
        input_uri=source["DataSource"]["S3DataSource"]["S3Uri"],
        output_uri=target["S3OutputPath"],
        manifest=source["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile",
        gzip=source.get("CompressionType") == "Gzip",
        content_type=source.get("ContentType"),
        accept=target.get("Accept"),
        split=Split(source.get("SplitType") or "None"),
        assemble_line=target.get("AssembleWith") == "Line",
        strategy=Strategy(strategy) if strategy else None,
        max_concurrent=request.get("MaxConcurrentTransforms"),
        max_payload_mb=request.get("MaxPayloadInMB"),
        timeout_seconds=client.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_SECONDS),
        max_retries=client.get("InvocationsMaxRetries", DEFAULT_RETRIES),
        instance_count=request["TransformResources"]["InstanceCount"],
        environment=request.get("Environment") or {},
        containers=tuple(ModelContainer(one.name, one.environment) for one in order.containers),
        processing=_processing(request.get("DataProcessing") or {}),
    )


def _processing(fields: Mapping[str, Any]) -> DataProcessing:
    return DataProcessing(
        input_filter=fields.get("InputFilter") or "$",
        join_input=fields.get("JoinSource") == "Input",
        output_filter=fields.get("OutputFilter") or "$",
    )
