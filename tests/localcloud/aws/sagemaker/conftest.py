"""An endpoint whose jobs run in a real worker process, with doubles for the containers of models."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.localcloud.aws.endpoint import allow, document, served

ROLE = "arn:aws:iam::123456789012:role/execution"
GROUP = "/aws/sagemaker/TransformJobs"
_NUMBERS = itertools.count()


@dataclass
class Cloud:
    """A local account and short ways to do in it what most tests do."""

    endpoint: str
    home: Path
    pid: int
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

    @property
    def worker_pid(self) -> int | None:
        """The process that runs the endpoint's jobs, if there is one."""
        listing = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        rows = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
        found = (int(row[0]) for row in rows if int(row[1]) == self.pid and "localcloud.aws.sagemaker.worker" in row[2])
        return next(found, None)

    def role(self, name: str, service: str) -> None:
        """A role that trusts a service and may use S3 and CloudWatch Logs."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        statement = allow(["s3:*", "logs:*"])
        iam.put_role_policy(RoleName=name, PolicyName="jobs", PolicyDocument=document(statement))

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
    with served(home, "tests.localcloud.batch_transform.doubles:start_double") as endpoint:
        cloud = Cloud(endpoint.url, home, endpoint.pid)
        cloud.role("execution", "sagemaker.amazonaws.com")
        cloud.role("untrusting", "ec2.amazonaws.com")
        cloud.run(cloud.bucket({"in/a.csv": b"1\n"}), cloud.model())  # so that no test waits for the worker's start
        yield cloud
