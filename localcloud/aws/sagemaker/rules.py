"""Rules of CreateTransformJob between fields, and rules that the API's model does not contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.aws.sagemaker.errors import ValidationError
from localcloud.batch_transform import jsonpath
from localcloud.batch_transform.errors import FilterSyntaxError
from localcloud.batch_transform.job import DEFAULT_PAYLOAD_MB
from localcloud.batch_transform.records import CSV, MEDIA_TYPES, media_type
from localcloud.batch_transform.unverified import Choices

_MOST_PAYLOAD_MB = 100
_MOST_INSTANCES = 100
_NVME_FAMILIES = ("g4dn", "g5", "g6", "g6e", "trn1")
_VALUE = "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def check(request: Mapping[str, Any], choices: Choices) -> None:
    """Refuse a request that breaks a rule beyond those of the API's model.

    Raises:
        ValidationError: the first rule that is broken.
    """
    _check_payload(request, choices)
    _check_input(request["TransformInput"])
    _check_resources(request["TransformResources"])
    _check_processing(request, choices)
    if request.get("DataCaptureConfig"):
        raise ValidationError("DataCaptureConfig is not available in the local cloud. Leave it out.")


def _check_payload(request: Mapping[str, Any], choices: Choices) -> None:
    payload = request.get("MaxPayloadInMB")
    if payload is not None and payload > _MOST_PAYLOAD_MB:
        raise _value_error(
            payload, "maxPayloadInMB", f"Member must have value less than or equal to {_MOST_PAYLOAD_MB}"
        )
    concurrent = request.get("MaxConcurrentTransforms") or 0
    if payload is None:
        payload = DEFAULT_PAYLOAD_MB if choices.unset_payload_counts_as_default else 0
    if concurrent * payload > _MOST_PAYLOAD_MB:
        raise ValidationError(f"{choices.payload_product_text}: {concurrent} x {payload} is {concurrent * payload}.")


def _check_input(source: Mapping[str, Any]) -> None:
    kind = source["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in {"S3Prefix", "ManifestFile"}:
        raise ValidationError(f"S3DataType {kind} is not supported for transform jobs; use S3Prefix or ManifestFile.")
    split = source.get("SplitType")
    if split in {"RecordIO", "TFRecord"}:
        raise ValidationError(f"SplitType {split} is not available in the local cloud; use None or Line.")


def _check_resources(resources: Mapping[str, Any]) -> None:
    count = resources["InstanceCount"]
    if count > _MOST_INSTANCES:
        path = "transformResources.instanceCount"
        raise _value_error(count, path, f"Member must have value less than or equal to {_MOST_INSTANCES}")
    family = resources["InstanceType"].removeprefix("ml.").partition(".")[0]
    if resources.get("VolumeKmsKeyId") and (family in _NVME_FAMILIES or family.endswith("d")):
        raise ValidationError(
            f"VolumeKmsKeyId is not supported for {resources['InstanceType']}: its local storage is encrypted by hardware."
        )


def _check_processing(request: Mapping[str, Any], choices: Choices) -> None:
    processing: Mapping[str, Any] = request.get("DataProcessing") or {}
    if choices.filters_checked_at_create:
        for name in ("InputFilter", "OutputFilter"):
            _check_filter(name, processing.get(name) or "$")
    if processing.get("JoinSource") != "Input":
        return
    source, target = request["TransformInput"], request["TransformOutput"]
    if choices.join_types_checked_at_create:
        _check_types(source.get("ContentType"), target.get("Accept"))
    if choices.join_split_checked_at_create:
        _check_split(source, target)


def _check_filter(name: str, text: str) -> None:
    try:
        jsonpath.parse(text)
    except FilterSyntaxError as error:
        raise ValidationError(f"Invalid DataProcessing.{name}: {error}.") from error


def _check_types(content_type: str | None, accept: str | None) -> None:
    if media_type(content_type) is None or media_type(content_type) != media_type(accept):
        raise ValidationError(
            "DataProcessing with JoinSource Input needs the same ContentType and Accept, one of "
            f"{', '.join(MEDIA_TYPES)}; they are {content_type} and {accept}."
        )


def _check_split(source: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    split, assembly = source.get("SplitType") or "None", target.get("AssembleWith") or "None"
    needed = "Line" if media_type(source.get("ContentType")) == CSV else split
    if split != needed or assembly != needed:
        raise ValidationError(
            f"DataProcessing with JoinSource Input needs the same SplitType and AssembleWith, and Line for {CSV}; "
            f"they are {split} and {assembly}."
        )


def _value_error(value: object, path: str, constraint: str) -> ValidationError:
    return ValidationError(_VALUE.format(value=value, path=path, constraint=constraint))
