"""What the program asks AWS about its jobs: a missing answer refuses no job, and fails no run."""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import boto3
import pulumi
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from jobs import account, layer
from jobs.account import Account, Progress
from lookups import s3
from tests.program.harness import COMPLETED, Graph
from tests.program.jobs import run, two


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


def test_an_object_that_may_not_be_read_has_an_empty_beginning() -> None:
    def refuse(*_: object) -> bytes:
        raise s3.S3Error("AccessDenied")

    with patch.object(s3, "read_head", refuse):
        assert Account().read_head("s3://b/x.csv", 10) == b""


MINUTE = 60.0
"""However busy the machine is, what a test waits for happens in this time."""


def followed(
    ask: Callable[[], Mapping[str, str]], *, until: int = 1, logged: threading.Event | None = None, **options: Any
) -> Graph:
    """Run two jobs, the second of which goes on until SageMaker was asked so often, and the answer was logged."""
    asked = threading.Semaphore(0)

    def counted() -> Mapping[str, str]:
        try:
            return ask()
        finally:
            asked.release()

    def status(name: str) -> Mapping[str, Any]:
        for _ in range(until if name == "bad" else 0):
            assert asked.acquire(timeout=MINUTE)
        assert name != "bad" or logged is None or logged.wait(MINUTE)
        return COMPLETED

    with patch.object(layer, "asking", lambda *_: counted):
        return run(two, status=status, **options)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress.__init__, "__defaults__", (0.05,))


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "progress of jobs"]


def settled() -> bool:
    for thread in threads():
        thread.join(MINUTE)
    return not threads()


def test_a_running_job_shows_its_status_and_time_on_its_own_line() -> None:
    name: list[str] = []
    lines: list[tuple[str, str, bool]] = []
    logged = threading.Event()

    def info(text: str, resource: pulumi.Resource, *, ephemeral: bool) -> None:
        lines.append((text, type(resource).__name__, ephemeral))
        logged.set()

    with patch.object(pulumi.log, "info", info), patch.object(Progress, "follow", _noting(name, Progress.follow)):
        graph = followed(lambda: {name[-1]: "InProgress, 40 s"} if name else {}, logged=logged)
    assert graph.error is None
    assert ("InProgress, 40 s", "TransformJob", True) in lines
    assert settled()


def _noting(names: list[str], follow: Callable[..., None]) -> Callable[..., None]:
    def noted(self: Progress, job_name: str, resource: pulumi.Resource) -> None:
        if "-bad-" in job_name:
            names.append(job_name)
        follow(self, job_name, resource)

    return noted


def test_a_sagemaker_that_does_not_answer_fails_nothing() -> None:
    def ask() -> Mapping[str, str]:
        raise ConnectionError

    graph = followed(ask, until=account.ATTEMPTS)
    assert graph.error is None
    assert {job["status"] for job in graph.outputs["transform_jobs"].values()} == {"Completed"}
    assert settled()


def test_a_preview_asks_nothing() -> None:
    graph = followed(lambda: pytest.fail("asked"), until=0, preview=True)
    assert graph.error is None
    assert threads() == []


def test_the_thread_ends_when_the_programs_loop_has_ended() -> None:
    follower = Progress(lambda: {"j": "InProgress, 1 s"}, seconds=0.05)

    async def program() -> None:
        await asyncio.sleep(0)
        follower.follow("j", pulumi.Resource.__new__(pulumi.CustomResource))

    with patch.object(pulumi.runtime, "is_dry_run", lambda: False):
        asyncio.run(program())
    assert settled()


def test_sagemaker_is_asked_once_for_all_running_jobs() -> None:
    created = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=40)
    asked: list[dict[str, str]] = []

    class Client:
        def get_paginator(self, operation: str) -> "Client":
            assert operation == "list_transform_jobs"
            return self

        def paginate(self, **given: str) -> list[dict[str, Any]]:
            asked.append(given)
            job = {"TransformJobName": "w-a-1", "TransformJobStatus": "InProgress", "CreationTime": created}
            return [{"TransformJobSummaries": [job]}]

    with patch.object(account, "connect", lambda _: Client()):
        assert account.asking("us-east-1", "w")() == {"w-a-1": "InProgress, 40 s"}
    assert asked == [{"NameContains": "w-", "StatusEquals": "InProgress"}]
