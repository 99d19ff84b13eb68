"""How long the keys of a role last."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from localcloud.aws.iam import credentials
from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.credentials import CredentialStore, root
from localcloud.aws.iam.directory import Directory, ResourceTags, Role
from localcloud.aws.iam.documents import policy
from localcloud.aws.iam.sts import Tokens, service_session
from localcloud.aws.protocol.exchange import HttpRequest
from localcloud.aws.protocol.wire import Call
from tests.localcloud.aws.endpoint import ACCOUNT, REGION

ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
JOB = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job/job"
TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"AWS": ACCOUNT, "Service": "sagemaker.amazonaws.com"},
}


class OneRole(Directory):
    def role(self, arn: str) -> Role | None:
        return Role("execution", arn, "AROAEXECUTION", policy("trust", json.dumps({"Statement": TRUST})), 3600, {})


@pytest.fixture
def store() -> CredentialStore:
    return CredentialStore(ACCOUNT, lambda _: None)


@pytest.fixture
def tokens(store: CredentialStore) -> Tokens:
    directory = OneRole(ACCOUNT, threading.RLock())
    authorizer = Authorizer(directory, lambda _: None, ResourceTags(), lambda _: None)
    return Tokens(directory, store, authorizer)


def two_hours_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # pyright: ignore[reportIncompatibleMethodOverride] asked with UTC only
            del tz
            return datetime.now(UTC) + timedelta(hours=2)

    monkeypatch.setattr(credentials, "datetime", Later)


def test_a_job_keeps_its_role_for_as_long_as_it_may_take(
    tokens: Tokens, store: CredentialStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service_session(tokens, "sagemaker.amazonaws.com", ROLE, JOB).access_key_id
    two_hours_pass(monkeypatch)
    held = store.find(key)
    assert held is not None
    assert not held.expired


def test_a_session_that_was_assumed_lasts_an_hour(
    tokens: Tokens, store: CredentialStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = HttpRequest("POST", "/", "", {}, b"", {})
    params = {"RoleArn": ROLE, "RoleSessionName": "session"}
    answer = tokens.assume_role(Call("sts", "AssumeRole", REGION, params, root(ACCOUNT), request))
    two_hours_pass(monkeypatch)
    held = store.find(answer["Credentials"]["AccessKeyId"])
    assert held is not None
    assert held.expired
