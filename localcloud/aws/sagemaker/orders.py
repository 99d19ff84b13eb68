"""From the arguments of CreateTransformJob to the data plane's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.aws.sagemaker.backend import Order
from localcloud.batch_transform.job import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_SECONDS,
    DataProcessing,
    ModelContainer,
    Split,
    Strategy,
    Transform,
)


def transform(order: Order) -> Transform:
    """The settings of an order's job; the request has been checked before."""
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
