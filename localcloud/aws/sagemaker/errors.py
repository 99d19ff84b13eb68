"""SageMaker's errors, in its words."""

from __future__ import annotations

from localcloud.aws.protocol.wire import AwsError


class SageMakerError(AwsError):
    """An error of SageMaker."""


class ValidationError(SageMakerError):
    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class ResourceInUseError(SageMakerError):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


class ResourceLimitExceededError(SageMakerError):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceLimitExceeded", message)


def model_not_found(arn: str) -> ValidationError:
    return ValidationError(f'Could not find model "{arn}".')


def job_not_found(name: str) -> ValidationError:
    """ACK's operator recognises a missing job by the beginning of this message."""
    return ValidationError(f"Could not find requested job with name: {name}")


def job_exists(text: str, arn: str) -> ResourceInUseError:
    return ResourceInUseError(f"{text} ({arn})")


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


def limit_exceeded(instance_type: str, limit: int, current: int, delta: int) -> ResourceLimitExceededError:
    return ResourceLimitExceededError(
        f"The account-level service limit '{instance_type} for transform job usage' is {limit} Instances, with current "
        f"utilization of {current} Instances and a request delta of {delta} Instances. Please use AWS Service Quotas to "
        "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an "
        "increase for this quota."
    )


def foreign_token() -> ValidationError:
    return ValidationError("Invalid NextToken: it is not from an earlier answer of this operation.")
