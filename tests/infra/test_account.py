"""What a permissions boundary certainly forbids."""

import json
from typing import Any

import pytest

from infra.account import forbidden

ACTIONS = ["s3:GetObject", "sagemaker:CreateTransformJob"]


def allow(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def deny(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param(allow("*"), [], id="everything"),
        pytest.param([allow("s3:Get*"), allow("sagemaker:*")], [], id="by patterns"),
        pytest.param(allow(["S3:GETOBJECT", "sagemaker:createtransformjob"]), [], id="in any case"),
        pytest.param(allow("s3:*"), ["sagemaker:CreateTransformJob"], id="one service only"),
        pytest.param([allow("*"), deny("sagemaker:Create*")], ["sagemaker:CreateTransformJob"], id="a deny"),
        pytest.param([allow("*"), deny("*", Resource="arn:aws:s3:::other/*")], [], id="a deny elsewhere"),
        pytest.param(
            [allow("*"), deny("*", Condition={"Bool": {"aws:SecureTransport": "false"}})], [], id="a deny at times"
        ),
        pytest.param(
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, [], id="everything but another service"
        ),
        pytest.param(
            {"Effect": "Allow", "NotAction": ["s3:*", "iam:*"], "Resource": "*"}, ["s3:GetObject"], id="all but this"
        ),
        pytest.param([], ACTIONS, id="nothing"),
    ],
)
def test_a_boundary_forbids(statement: Any, expected: list[str]) -> None:
    assert forbidden(json.dumps({"Version": "2012-10-17", "Statement": statement}), ACTIONS) == expected
