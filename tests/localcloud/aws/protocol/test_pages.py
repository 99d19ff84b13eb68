"""Page tokens that no listing has returned."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import Endpoint


def sagemakers(start: float) -> str:
    """A token in the form of SageMaker's."""
    return base64.urlsafe_b64encode(json.dumps({"start": start}).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("nonsense", id="a word"),
        pytest.param("-1", id="before the first"),
        pytest.param("1" * 5000, id="no end of digits"),
        pytest.param(sagemakers(-1), id="SageMaker's, before the first"),
        pytest.param(sagemakers(float("inf")), id="SageMaker's, infinite"),
    ],
)
@pytest.mark.parametrize(
    ("service", "operation", "argument", "code"),
    [
        pytest.param("eks", "list_clusters", "nextToken", "InvalidParameterException", id="eks"),
        pytest.param("eks", "describe_cluster_versions", "nextToken", "InvalidParameterException", id="eks versions"),
        pytest.param("sagemaker", "list_models", "NextToken", "ValidationException", id="models"),
        pytest.param("sagemaker", "list_transform_jobs", "NextToken", "ValidationException", id="jobs"),
        pytest.param("iam", "list_roles", "Marker", "ValidationError", id="roles"),
        pytest.param("iam", "list_policies", "Marker", "ValidationError", id="policies"),
    ],
)
def test_a_listing_refuses_a_token_that_it_did_not_return(
    aws: Endpoint, service: str, operation: str, argument: str, code: str, token: str
) -> None:
    refusal(getattr(aws.client(service), operation), {argument: token}, code)


@pytest.mark.parametrize("token", ["nonsense", "1" * 2000], ids=["a word", "no end of digits"])
def test_service_quotas_refuses_it_with_a_code_of_its_own(aws: Endpoint, token: str) -> None:
    listing = aws.client("service-quotas").list_service_quotas
    refusal(listing, {"ServiceCode": "ec2", "NextToken": token}, "InvalidPaginationTokenException")


def test_a_listing_of_objects_is_not_continued_from_nowhere(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"", "b": b""})
    listing = aws.client("s3").list_objects_v2
    refusal(listing, {"Bucket": bucket, "ContinuationToken": "nonsense"}, "InvalidArgument")
    token = listing(Bucket=bucket, MaxKeys=1)["NextContinuationToken"]
    assert [one["Key"] for one in listing(Bucket=bucket, ContinuationToken=token)["Contents"]] == ["b"]


def refusal(listing: Any, arguments: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        listing(**arguments)
    answer = raised.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (400, code)
