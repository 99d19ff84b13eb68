"""A cluster is gone only when EKS says so to somebody of its own account."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from localcloud.commands.recovery.__main__ import main

ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/batch-workshop"
MISSING = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "DescribeCluster")
REFUSED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "DescribeCluster")
UNREACHABLE = EndpointConnectionError(endpoint_url="https://eks")


class FakeClient:
    """STS and EKS in one: says an account, and a cluster or an error."""

    def __init__(self, account: str, answer: Exception | None) -> None:
        self.account, self.answer = account, answer

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}

    def describe_cluster(self, name: str) -> dict[str, Any]:
        assert name == "batch-workshop"
        if self.answer is not None:
            raise self.answer
        return {"cluster": {"name": name}}


@pytest.mark.parametrize(
    ("account", "answer", "code"),
    [
        pytest.param("111122223333", MISSING, 0, id="EKS does not know it"),
        pytest.param("111122223333", None, 1, id="it stands"),
        pytest.param("444455556666", MISSING, 1, id="asked as another account"),
        pytest.param("111122223333", REFUSED, 1, id="may not ask"),
        pytest.param("111122223333", UNREACHABLE, 1, id="no network"),
    ],
)
def test_a_cluster_is_gone_only_when_eks_says_so_to_its_own_account(
    monkeypatch: pytest.MonkeyPatch, account: str, answer: Exception | None, code: int
) -> None:
    def client(_: str, region_name: str) -> FakeClient:
        assert region_name == "eu-west-1"
        return FakeClient(account, answer)

    monkeypatch.setattr("boto3.client", client)
    assert main(["--gone", ARN]) == code
