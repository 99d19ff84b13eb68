"""SageMaker's errors in its words, and the rules of CreateTransformJob that the API's model does not contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_processing.content_types import CONTENT_TYPES, CSV, UNSPLIT, content_type, refusal
from localcloud.aws.protocol.wire import AwsError
from localcloud.batch_transform.job import DEFAULT_PAYLOAD_MB

_MOST_PAYLOAD_MB = 100
_MOST_INSTANCES = 100
_NVME_FAMILIES = ("g4dn", "g5", "g6", "g6e", "trn1")


class ValidationError(AwsError):
    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


def job_not_found(name: str) -> ValidationError:
    """Return the error of a missing job; ACK's operator recognises it by the beginning of its message."""
    return ValidationError(f"Could not find requested job with name: {name}")


def job_exists(arn: str) -> AwsError:
    return AwsError(
        "ResourceInUse",
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    )


def no_input(uri: str, bucket: str, region: str, role_arn: str) -> ValidationError:
    return ValidationError(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({region}), that objects exist under that S3 prefix, and that the role "
        f'"{role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def role_not_assumable(role_arn: str) -> ValidationError:
    return ValidationError(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def model_data_refused(url: str, role_arn: str, region: str) -> ValidationError:
    return ValidationError(
        f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its trust '
        'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
        f'Also ensure that the role has "s3:GetObject" permissions and that the object is located in {region}.'
    )


def limit_exceeded(instance_type: str, limit: int, current: int, delta: int) -> AwsError:
    return AwsError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for transform job usage' is {limit} Instances, with current "
        f"utilization of {current} Instances and a request delta of {delta} Instances. Please use AWS Service Quotas to "
        "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an "
        "increase for this quota.",
    )


def check_transform_job(request: Mapping[str, Any]) -> None:
    """Refuse a CreateTransformJob that breaks a rule beyond those of the API's model.

    Raises:
        ValidationError: says which rule; if several are broken, the first one.
    """
    _check_payload(request)
    _check_input(request["TransformInput"])
    _check_resources(request["TransformResources"])
    _check_processing(request)
    if request.get("DataCaptureConfig"):
        raise ValidationError("DataCaptureConfig is not available in the local cloud. Leave it out.")


def _check_payload(request: Mapping[str, Any]) -> None:
    payload = request.get("MaxPayloadInMB")
    if payload is not None and payload > _MOST_PAYLOAD_MB:
        raise _value_error(
            payload, "maxPayloadInMB", f"Member must have value less than or equal to {_MOST_PAYLOAD_MB}"
        )
    concurrent = request.get("MaxConcurrentTransforms") or 0
    if payload is None:
        payload = DEFAULT_PAYLOAD_MB
    if concurrent * payload > _MOST_PAYLOAD_MB:
        raise ValidationError(
            "The product of MaxConcurrentTransforms and MaxPayloadInMB must be at most 100 MB: "
            f"{concurrent} x {payload} is {concurrent * payload}."
        )


def _check_input(source: Mapping[str, Any]) -> None:
    kind = source["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in {"S3Prefix", "ManifestFile"}:
        raise ValidationError(f"S3DataType {kind} is not supported for transform jobs; use S3Prefix or ManifestFile.")


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


def _check_processing(request: Mapping[str, Any]) -> None:
    processing: Mapping[str, Any] = request.get("DataProcessing") or {}
    source, target = request["TransformInput"], request["TransformOutput"]
    given, asked = source.get("ContentType"), target.get("Accept")
    input_filter, output_filter = processing.get("InputFilter") or "$", processing.get("OutputFilter") or "$"
    for refused in (refusal("InputFilter", input_filter, given), refusal("OutputFilter", output_filter, asked)):
        if refused:
            raise ValidationError(refused)
    join = processing.get("JoinSource") == "Input"
    if (join or input_filter != "$" or output_filter != "$") and source.get("SplitType") in UNSPLIT:
        raise ValidationError(
            f"DataProcessing is not supported with SplitType {source['SplitType']}: its records can be neither filtered "
            "nor joined."
        )
    if join:
        _check_types(given, asked)
        _check_split(source, target)


def _check_types(given: str | None, asked: str | None) -> None:
    if content_type(given) is None or content_type(given) != content_type(asked):
        raise ValidationError(
            "DataProcessing with JoinSource Input needs the same ContentType and Accept, one of "
            f"{', '.join(CONTENT_TYPES)}; they are {given} and {asked}."
        )


def _check_split(source: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    split, assembly = source.get("SplitType") or "None", target.get("AssembleWith") or "None"
    needed = "Line" if content_type(source.get("ContentType")) == CSV else split
    if split != needed or assembly != needed:
        raise ValidationError(
            f"DataProcessing with JoinSource Input needs the same SplitType and AssembleWith, and Line for {CSV}; "
            f"they are {split} and {assembly}."
        )


def _value_error(value: object, path: str, constraint: str) -> ValidationError:
    return ValidationError(
        f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
    )
