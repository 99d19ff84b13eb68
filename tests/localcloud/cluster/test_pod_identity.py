import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.cluster import pod_identity
from tests.localcloud.cluster.stage import FakeAws

MOMENT = datetime(2025, 11, 24, 16, tzinfo=UTC)
GIVEN = {
    "credentials": {"accessKeyId": "ASIAX", "secretAccessKey": "sss", "sessionToken": "ttt", "expiration": MOMENT},
    "podIdentityAssociation": {"associationArn": "arn:aws:eks:us-east-1:123456789012:podidentityassociation/c/a-1"},
}


class FakeEksAuth(pod_identity.Aws):
    def __init__(self) -> None:
        self.agent = True
        self.tokens: list[str] = []

    def has_agent(self) -> bool:
        return self.agent

    def assume_role(self, token: str) -> Mapping[str, Any]:
        self.tokens.append(token)
        if token == "void":
            raise pod_identity.AwsCallError("eks-auth POST: 400 ExpiredTokenException")
        return GIVEN


@pytest.fixture
def eks_auth() -> FakeEksAuth:
    return FakeEksAuth()


@pytest.fixture
def agent(eks_auth: FakeEksAuth) -> pod_identity.Agent:
    agent = pod_identity.Agent(eks_auth)
    agent.start()
    return agent


def ask(url: str, token: str | None) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(url, headers={"Authorization": token} if token else {})  # noqa: S310  the test's own agent
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_pod_gets_its_role_s_credentials(agent: pod_identity.Agent, eks_auth: FakeEksAuth) -> None:
    assert ask(agent.url, "good") == (
        200,
        {
            "AccessKeyId": "ASIAX",
            "SecretAccessKey": "sss",
            "Token": "ttt",
            "AccountId": "123456789012",
            "Expiration": "2025-11-24T16:00:00Z",
        },
    )
    assert eks_auth.tokens == ["good"]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        pytest.param("", None, 401, id="no token"),
        pytest.param("", "void", 502, id="token refused by AWS"),
        pytest.param("/../other", "good", 404, id="other path"),
    ],
)
def test_the_agent_refuses_a_request(agent: pod_identity.Agent, path: str, token: str | None, status: int) -> None:
    code, body = ask(agent.url + path, token)
    assert code == status
    assert body["message"]


def test_without_the_add_on_the_agent_refuses_every_request(agent: pod_identity.Agent, eks_auth: FakeEksAuth) -> None:
    eks_auth.agent = False
    code, body = ask(agent.url, "good")
    assert code == 503
    assert "eks-pod-identity-agent" in body["message"]
    assert eks_auth.tokens == []


def test_a_node_asks_the_aws_endpoint(fake_aws: FakeAws) -> None:
    aws = pod_identity.Aws(fake_aws.url, "us-east-1", "a cluster")
    assert aws.has_agent()
    assert aws.has_association("demo", "robot")
    assert not aws.has_association("demo", "stranger")
    assert pod_identity.credentials(aws.assume_role("token"))["Expiration"] == "2096-10-02T07:06:40Z"


def test_an_aws_endpoint_that_does_not_answer_is_named() -> None:
    aws = pod_identity.Aws("http://127.0.0.1:9", "us-east-1", "c")
    with pytest.raises(pod_identity.AwsCallError, match=r"http://127\.0\.0\.1:9/clusters/c/addons"):
        aws.has_agent()
