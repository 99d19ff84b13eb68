"""Stopping a job at any moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.iam.credentials import Credential, root
from localcloud.aws.sagemaker.jobs import TransformJobs
from localcloud.aws.sagemaker.orders import JobListener, Order
from localcloud.aws.sagemaker.store import ModelRecord, Region
from localcloud.aws.sagemaker.workers import LocalTransforms


@pytest.fixture(scope="module")
def bucket(cloud: Any) -> str:
    return cloud.bucket({f"in/{number}.csv": b"1,2\n" for number in range(40)})


@pytest.fixture(scope="module")
def slow(cloud: Any) -> str:
    return cloud.model("slow")


@pytest.mark.parametrize("delay", [pytest.param(wait, id=f"after {wait} s") for wait in (0, 0.05, 0.3, 1.2)])
def test_a_stopped_job_ends_soon_and_leaves_whole_outputs_only(
    cloud: Any, bucket: str, slow: str, delay: float
) -> None:
    name = cloud.start(bucket, slow, TransformOutput__S3OutputPath=f"s3://{bucket}/stop-{delay}")
    time.sleep(delay)
    answer = cloud.sagemaker.stop_transform_job(TransformJobName=name)
    assert set(answer) == {"ResponseMetadata"}
    assert cloud.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] in {
        "Stopping",
        "Stopped",
    }
    start = time.monotonic()
    job = cloud.finish(name)
    assert time.monotonic() - start < 15  # left alone, the objects take 20 s
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    outputs = [cloud.content(bucket, key) for key in cloud.keys(bucket, f"stop-{delay}/")]
    assert all(output == b"2\n" for output in outputs)
    assert len(outputs) < 40


def test_a_queued_job_can_be_stopped(cloud: Any, bucket: str, slow: str) -> None:
    names = [cloud.start(bucket, slow) for _ in range(12)]
    for name in names:
        cloud.sagemaker.stop_transform_job(TransformJobName=name)
    assert {cloud.finish(name)["TransformJobStatus"] for name in names} == {"Stopped"}


def test_a_job_that_has_ended_cannot_be_stopped(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n"})
    job = cloud.run(bucket, cloud.model())
    with pytest.raises(ClientError) as raised:
        cloud.sagemaker.stop_transform_job(TransformJobName=job["TransformJobName"])
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "ValidationException",
        "The request was rejected because the transform job is in status Completed.",
    )


class SlowToStart(LocalTransforms):
    """Knows a job from the end of its start only, and ends what it is told to stop."""

    def __init__(self) -> None:
        self.starting, self.go_on = threading.Event(), threading.Event()
        self._known: dict[str, JobListener] = {}

    def start(self, order: Order, listener: JobListener, /) -> None:
        self.starting.set()
        assert self.go_on.wait(60)
        self._known[order.arn] = listener

    def stop(self, arn: str, /) -> None:
        if arn in self._known:
            self.end(arn, "Stopped")

    def end(self, arn: str, status: str) -> None:
        self._known.pop(arn).ended(status, None)


class SlowToStop(SlowToStart):
    """Starts a job at once, and lets it run on after each request to stop it until the test ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on.set()
        self.asked_to_stop: list[str] = []

    def stop(self, arn: str, /) -> None:
        self.asked_to_stop.append(arn)


@dataclass
class Account:
    """The operations on transform jobs, over a backend that obeys the test."""

    transforms: SlowToStart = field(default_factory=SlowToStart)
    region: Region = field(default_factory=lambda: Region("us-east-1", "123456789012"))

    def __post_init__(self) -> None:
        s3: Any = SimpleNamespace(has_objects=lambda *_: True)
        session = Credential("key", "secret", root("123456789012"))
        self.jobs = TransformJobs(self.transforms, lambda *_: session, s3, lambda _: None, lambda *_: None)
        container = {"PrimaryContainer": {"Image": "image"}, "ExecutionRoleArn": "role"}
        self.region.models["m"] = ModelRecord("m", "arn", container, {})

    def status(self) -> str:
        return self.jobs.describe(self.region, {"TransformJobName": "a"})["TransformJobStatus"]

    def stop(self) -> dict[str, Any]:
        return self.jobs.stop(self.region, {"TransformJobName": "a"})


def test_a_job_that_is_stopped_while_it_is_handed_over_ends(cloud: Any) -> None:
    account = Account()
    request = cloud.request("bucket", "m", TransformJobName="a")
    with ThreadPoolExecutor(1) as pool:
        created = pool.submit(account.jobs.create, account.region, request)
        assert account.transforms.starting.wait(60)
        account.stop()
        account.transforms.go_on.set()
        created.result(60)
    assert account.status() == "Stopped"


def test_stopping_a_job_that_is_stopping_changes_nothing(cloud: Any) -> None:
    account = Account(backend := SlowToStop())
    arn = account.jobs.create(account.region, cloud.request("bucket", "m", TransformJobName="a"))["TransformJobArn"]
    assert account.stop() == account.stop() == {}
    assert account.status() == "Stopping"
    assert backend.asked_to_stop == [arn]
    backend.end(arn, "Stopped")
    assert account.status() == "Stopped"
