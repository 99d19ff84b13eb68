"""A moto server with our SageMaker in it, jobs running in a real worker process, model containers as doubles."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from localcloud.aws.protocol.errors import AwsError
from localcloud.aws.sagemaker.backend import RoleCredentials
from localcloud.aws.sagemaker.moto_installation import install
from localcloud.aws.sagemaker.probe import S3Probe
from localcloud.aws.sagemaker.service import SageMaker
from localcloud.aws.sagemaker.workers import LocalTransforms

ROLE = "arn:aws:iam::123456789012:role/execution"
UNTRUSTING_ROLE = "arn:aws:iam::123456789012:role/untrusting"
GROUP = "/aws/sagemaker/TransformJobs"
_NUMBERS = itertools.count()


def _session(role: str, _source: str) -> RoleCredentials:
    if role == UNTRUSTING_ROLE:
        raise AwsError("AccessDenied", "not trusted", 403)
    return RoleCredentials("ASIAEXECUTION", "secret", "token")


@dataclass
class Cloud:
    """A local account and short ways to do in it what most tests do."""

    endpoint: str
    home: Path
    transforms: LocalTransforms
    sagemaker: Any = field(init=False)
    s3: Any = field(init=False)
    logs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sagemaker, self.s3, self.logs = (self.client(name) for name in ("sagemaker", "s3", "logs"))

    def client(self, service: str, config: Config | None = None) -> Any:
        return boto3.client(  # pyright: ignore[reportCallIssue, reportUnknownMemberType] boto3 has no types
            service,  # pyright: ignore[reportArgumentType] any service's name
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="LOCALCLOUDADMIN",
            aws_secret_access_key="localcloud",
            config=config,
        )

    def bucket(self, objects: Mapping[str, bytes]) -> str:
        """A new bucket with these objects."""
        name = f"bucket-{next(_NUMBERS)}"
        self.s3.create_bucket(Bucket=name)
        for key, data in objects.items():
            self.s3.put_object(Bucket=name, Key=key, Body=data)
        return name

    def model(self, behaviour: str = "lines", **container: Any) -> str:
        """A new model whose container is the double of that name."""
        name = f"model-{next(_NUMBERS)}"
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/double/{behaviour}", **container},
        )
        return name

    def request(self, bucket: str, model: str, **changes: Any) -> dict[str, Any]:
        """Arguments of CreateTransformJob that work, with changes by dotted path (`__` for the dot)."""
        arguments: dict[str, Any] = {
            "TransformJobName": f"job-{next(_NUMBERS)}",
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out", "Accept": "text/csv", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        for path, value in changes.items():
            _set(arguments, path.split("__"), value)
        return arguments

    def start(self, bucket: str, model: str, **changes: Any) -> str:
        request = self.request(bucket, model, **changes)
        self.sagemaker.create_transform_job(**request)
        return request["TransformJobName"]

    def finish(self, job: str, seconds: float = 60) -> dict[str, Any]:
        """Describe of the job once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.sagemaker.describe_transform_job(TransformJobName=job)
            if found["TransformJobStatus"] in {"Completed", "Failed", "Stopped"}:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{job} has not ended within {seconds} s")

    def run(self, bucket: str, model: str, **changes: Any) -> dict[str, Any]:
        return self.finish(self.start(bucket, model, **changes))

    def content(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]

    def log(self, job: str, *, data: bool) -> list[str]:
        """The lines of a job's data logs, or of its containers' logs."""
        streams = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
        names = [one["logStreamName"] for one in streams if one["logStreamName"].endswith("/data-log") is data]
        answers = [self.logs.get_log_events(logGroupName=GROUP, logStreamName=name) for name in names]
        return [event["message"] for answer in answers for event in answer["events"]]


def _set(arguments: dict[str, Any], path: list[str], value: Any) -> None:
    *head, last = path
    for name in head:
        arguments = arguments.setdefault(name, {})
    if value is None:
        arguments.pop(last, None)
    else:
        arguments[last] = value


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("home")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    transforms = LocalTransforms(home, lambda: endpoint, "localcloud.batch_transform.doubles:start_double")
    install(SageMaker("123456789012", home, transforms, _session, S3Probe(lambda: endpoint)))
    transforms.warm()
    _wait_until_ready(transforms)
    yield Cloud(endpoint, home, transforms)
    transforms.close()
    server.stop()


def _wait_until_ready(transforms: LocalTransforms) -> None:
    """No test's time is to hold the start of the worker, which takes seconds on a busy machine."""
    deadline = time.monotonic() + 60
    while transforms._worker is None or not transforms._worker.ready:
        assert time.monotonic() < deadline, "the worker does not start"
        time.sleep(0.02)
