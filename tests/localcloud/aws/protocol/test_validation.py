"""Arguments are checked by botocore's model, exactly at their limits."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.protocol import validation
from localcloud.aws.protocol.wire import AwsError


def refused(operation: str, request: dict[str, Any]) -> AwsError:
    with pytest.raises(AwsError) as raised:
        validation.check("sagemaker", operation, request)
    return raised.value


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        pytest.param("DescribeTransformJob", {"TransformJobName": "a" * 63}, id="the longest name"),
        pytest.param("DescribeTransformJob", {"TransformJobName": "a"}, id="the shortest name"),
        pytest.param("ListTransformJobs", {"MaxResults": 100}, id="the largest page"),
        pytest.param("ListTransformJobs", {"NameContains": "a" * 63, "StatusEquals": "Stopping"}, id="all filters"),
        pytest.param(
            "AddTags",
            {
                "ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m",
                "Tags": [{"Key": "Über straße_1.:/=+-@\u00a0", "Value": ""}],
            },
            id="tags in other alphabets",
        ),
        pytest.param(
            "DescribeTransformJob", {"TransformJobName": "a", "Future": 1}, id="unknown members are passed over"
        ),
    ],
)
def test_arguments_within_bounds_pass(operation: str, request_: dict[str, Any]) -> None:
    validation.check("sagemaker", operation, request_)


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        pytest.param(
            "DescribeTransformJob",
            {},
            "1 validation error detected: Value null at 'transformJobName' failed to satisfy constraint: "
            "Member must not be null",
            id="a required member is missing",
        ),
        pytest.param(
            "DescribeTransformJob",
            {"TransformJobName": "a" * 64},
            f"2 validation errors detected: Value '{'a' * 64}' at 'transformJobName' failed to satisfy constraint: "
            f"Member must have length less than or equal to 63; Value '{'a' * 64}' at 'transformJobName' failed to "
            "satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
            id="a name of 64 characters breaks length and pattern",
        ),
        pytest.param(
            "ListTransformJobs",
            {"MaxResults": 101},
            "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
            id="a page of 101",
        ),
        pytest.param(
            "ListTransformJobs",
            {"SortBy": "Age"},
            "1 validation error detected: Value 'Age' at 'sortBy' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Name, CreationTime, Status]",
            id="an unknown order",
        ),
        pytest.param(
            "DescribeTransformJob",
            {"TransformJobName": "a\n"},
            "1 validation error detected: Value 'a\n' at 'transformJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
            id="patterns hold for the whole value",
        ),
    ],
)
def test_an_argument_out_of_bounds_is_named(operation: str, request_: dict[str, Any], message: str) -> None:
    error = refused(operation, request_)
    assert (error.code, error.message, error.status) == ("ValidationException", message, 400)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("10", "STRING_VALUE can not be converted to Integer", id="text"),
        pytest.param(True, "TRUE_VALUE can not be converted to Integer", id="a truth value"),
        pytest.param(1.5, "NUMBER_VALUE can not be converted to Integer", id="a fraction"),
    ],
)
def test_a_member_of_another_type_cannot_be_read(value: object, message: str) -> None:
    error = refused("ListTransformJobs", {"MaxResults": value})
    assert (error.code, error.message) == ("SerializationException", message)
