"""What the program asks AWS about its jobs; a missing answer is no reason to refuse a job."""

from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from jobs import account
from jobs.account import Account
from lookups import s3


def answered(code: str, message: str) -> bool:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client: Any = boto3.client("sagemaker", region_name="us-east-1", **keys)
    with Stubber(client) as stub, patch.object(account, "connect", lambda _: client):
        stub.add_client_error("describe_model", code, message, expected_params={"ModelName": "m"})
        return Account().model_exists("m", "us-east-1")


@pytest.mark.parametrize(
    ("code", "message", "exists"),
    [
        pytest.param(
            "ValidationException", 'Could not find model "arn:aws:sagemaker:r:1:model/m".', False, id="there is none"
        ),
        pytest.param("AccessDeniedException", "not authorized to perform sagemaker:DescribeModel", True, id="denied"),
        pytest.param("ThrottlingException", "Rate exceeded", True, id="too many questions"),
    ],
)
def test_a_model_is_missing_only_where_sagemaker_says_so(code: str, message: str, exists: bool) -> None:
    assert answered(code, message) is exists


def test_without_credentials_nothing_is_known_of_a_model() -> None:
    def refuse(_: str) -> Any:
        raise NoCredentialsError

    with patch.object(account, "connect", refuse):
        assert Account().model_exists("m", "us-east-1")


def test_an_object_that_may_not_be_read_has_no_beginning() -> None:
    def refuse(*_: object) -> bytes:
        raise s3.S3Error("AccessDenied")

    with patch.object(s3, "read_head", refuse):
        assert Account().read_head("s3://b/x.csv", 10) == b""
