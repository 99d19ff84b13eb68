"""Transform jobs on the AWS endpoint: the workshop's job with a cold and a warm container, and a hundred at once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

CHECKOUT = Path(__file__).resolve().parents[1]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
JOBS = 100


def main() -> None:
    """Print seconds beside the project's goals for 2 cores."""
    with tempfile.TemporaryDirectory() as folder, _endpoint(Path(folder)) as endpoint:
        _measure(_Account(endpoint))


@contextlib.contextmanager
def _endpoint(home: Path) -> Generator[str]:
    environment = {**os.environ, "LOCALCLOUD_HOME": str(home)}
    command = [sys.executable, "-m", "localcloud.aws", "--home", str(home), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT, env=environment) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["endpoint"]
        finally:
            process.terminate()


def _measure(account: _Account) -> None:
    time.sleep(3)  # the worker warms up while a person would still be deploying
    print(f"  the workshop's job, container cold: {account.run('cold'):.2f} s from create to Completed (goal 3 s)")
    print(f"  the same again: {account.run('warm'):.2f} s", flush=True)
    start = time.monotonic()
    names = [f"many-{number}" for number in range(JOBS)]
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(account.create, names))
    created = time.monotonic() - start
    ends = [account.wait(name) for name in names]
    print(
        f"  {JOBS} jobs at once: created in {created:.1f} s, all ended in {time.monotonic() - start:.1f} s (goal 60 s), "
        f"{ends.count('Completed')} completed"
    )


class _Account:
    """A role, a bucket with model and input, and the model."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._sagemaker = self._client("sagemaker")
        s3, iam = self._client("s3"), self._client("iam")
        s3.create_bucket(Bucket="bench-bucket")
        for key in ("batch_input.csv", "model.tar.gz"):
            s3.put_object(Bucket="bench-bucket", Key=f"in/{key}", Body=(CHECKOUT / "model" / key).read_bytes())
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        allow = {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}
        iam.put_role_policy(RoleName="bench", PolicyName="all", PolicyDocument=_policy(allow))
        container = {"Image": IMAGE, "ModelDataUrl": "s3://bench-bucket/in/model.tar.gz"}
        self._sagemaker.create_model(ModelName="bench", ExecutionRoleArn=role, PrimaryContainer=container)

    def run(self, name: str) -> float:
        start = time.monotonic()
        self.create(name)
        status = self.wait(name)
        if status != "Completed":
            raise RuntimeError(self._sagemaker.describe_transform_job(TransformJobName=name))
        return time.monotonic() - start

    def create(self, name: str) -> None:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bench-bucket/in/batch_input.csv"}}
        self._sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName="bench",
            TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://bench-bucket/out/{name}", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )

    def wait(self, name: str) -> str:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            status: str = self._sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"]
            if status in {"Completed", "Failed", "Stopped"}:
                return status
            time.sleep(0.05)
        return "unfinished"

    def _client(self, service: str) -> Any:
        return boto3.client(  # pyright: ignore[reportCallIssue, reportUnknownMemberType] boto3 has no types
            service,  # pyright: ignore[reportArgumentType] any service's name
            endpoint_url=self._endpoint,
            region_name="us-east-1",
            aws_access_key_id="LOCALCLOUDADMIN",
            aws_secret_access_key="localcloud",  # noqa: S106  the local cloud's published dummy
            config=Config(max_pool_connections=JOBS),
        )


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


if __name__ == "__main__":
    main()
