import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from localcloud.cluster import aws, pod_identity

GIVEN = {
    "credentials": {"accessKeyId": "ASIAX", "secretAccessKey": "sss", "sessionToken": "ttt", "expiration": 1764000000},
    "podIdentityAssociation": {"associationArn": "arn:aws:eks:us-east-1:123456789012:podidentityassociation/c/a-1"},
}


class FakeEksAuth:
    def __init__(self) -> None:
        self.agent = True
        self.tokens: list[str] = []

    def has_agent(self) -> bool:
        return self.agent

    def assume_role(self, token: str) -> Mapping[str, Any]:
        self.tokens.append(token)
        if token == "void":
            raise aws.AwsError("eks-auth POST: 400 ExpiredTokenException")
        return GIVEN


@pytest.fixture
def eks_auth() -> FakeEksAuth:
    return FakeEksAuth()


@pytest.fixture
def agent(eks_auth: FakeEksAuth) -> Iterator[pod_identity.Agent]:
    agent = pod_identity.Agent(eks_auth)
    agent.start()
    yield agent
    agent.stop()


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
def test_what_the_agent_refuses(agent: pod_identity.Agent, path: str, token: str | None, status: int) -> None:
    code, body = ask(agent.url + path, token)
    assert code == status
    assert body["message"]


def test_without_the_add_on_there_is_no_agent(agent: pod_identity.Agent, eks_auth: FakeEksAuth) -> None:
    eks_auth.agent = False
    code, body = ask(agent.url, "good")
    assert code == 503
    assert "eks-pod-identity-agent" in body["message"]
    assert eks_auth.tokens == []


def test_an_expiration_that_is_text_already_stays() -> None:
    moment = {**GIVEN, "credentials": {**GIVEN["credentials"], "expiration": "2030-01-01T00:00:00Z"}}
    assert pod_identity.credentials(moment)["Expiration"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "/clusters/c/addons", b"", id="plain"),
        pytest.param("GET", "/clusters/c/x?namespace=ack-system&serviceAccount=a%2Fb", b"", id="query"),
        pytest.param("POST", "/clusters/a%20b/assume-role-for-pod-identity", b'{"token": "t"}', id="body"),
    ],
)
def test_requests_are_signed_as_botocore_signs_them(method: str, path: str, body: bytes) -> None:
    url = f"http://127.0.0.1:8123{path}"
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body, headers={"Host": "127.0.0.1:8123"})
    digest = "x-amz-content-sha256"
    ours = aws.sign(method, url, body, service="eks", region="us-east-1", now=moment)
    request.headers[digest] = ours["X-Amz-Content-SHA256"]
    credentials = botocore.credentials.Credentials("LOCALCLOUDADMIN", "localcloud")
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment.replace(tzinfo=None)):
        botocore.auth.SigV4Auth(credentials, "eks", "us-east-1").add_auth(request)
    assert ours["Authorization"] == request.headers["Authorization"]
