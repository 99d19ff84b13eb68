"""The SageMaker SDK's Transformer, versions 2 and 3, the aws CLI and boto3's waiter.

Each client was run once against this endpoint and its requests were recorded; `make test` sends them again. `make soak`
builds the SDKs' environments, runs every client, and reports which of them now sends other requests. With the variable
RECORD_CLIENTS set, it makes new recordings.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.localcloud.aws.sagemaker.clients import recording
from tests.localcloud.aws.sagemaker.clients.recording import Call

SDK_JOB = Path(recording.__file__).with_name("sdk_job.py")
SDKS = {"2": "sagemaker==2.257.7", "3": "sagemaker==3.27.0"}
CLIENTS = ("sdk-2", "sdk-3", "aws-cli", "boto3-waiter")
OBJECTS = {"in/a.csv": b"id-1,2,3\nid-2,4,5\n"}
JOINED = b"id-1,2\nid-2,2\n"
FINAL = {"Completed", "Failed", "Stopped"}
_NUMBERS = itertools.count()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_job_goes_as_its_client_expects(cloud: Any, client: str) -> None:
    bucket, job = cloud.bucket(OBJECTS), f"replayed-{client}-{next(_NUMBERS)}"
    names = {"bucket": bucket, "model": cloud.model(), "job": job}
    answers = [(call, _final_answer(cloud, call)) for call in recording.load(client, names)]
    assert {call.operation for call, _ in answers} >= {"CreateTransformJob", "DescribeTransformJob"}
    for call, (status, answer) in answers:
        assert status == 200, (call, answer)
        if call.operation == "DescribeTransformJob":
            assert answer["TransformJobStatus"] == "Completed"
    assert cloud.content(bucket, f"out/{job}/a.csv.out") == JOINED


def _final_answer(cloud: Any, call: Call) -> tuple[int, dict[str, Any]]:
    """A client asks until the job has ended, and for its log until there is one."""
    deadline = time.monotonic() + 60
    while True:
        status, answer = recording.say(cloud.endpoint, call)
        running = call.operation == "DescribeTransformJob" and answer.get("TransformJobStatus") not in FINAL
        if time.monotonic() > deadline or not (running or (status != 200 and call.target.startswith("Logs"))):
            return status, answer
        time.sleep(0.05)


@pytest.mark.soak
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_runs_its_job_and_says_what_was_recorded(
    cloud: Any, client: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bucket, model = cloud.bucket(OBJECTS), cloud.model()
    with recording.recorder(cloud.endpoint) as (url, calls):
        job = RUN[client.partition("-")[0]](client, url, bucket, model, tmp_path_factory)
    assert cloud.finish(job)["TransformJobStatus"] == "Completed"
    assert cloud.content(bucket, f"out/{job}/a.csv.out") == JOINED
    names = {"bucket": bucket, "model": model, "job": job}
    if os.environ.get("RECORD_CLIENTS"):
        recording.save(client, calls, names)
    recorded = {call.operation for call in recording.load(client, names)}
    assert {"CreateTransformJob", "DescribeTransformJob"} <= recorded
    assert recorded <= {call.operation for call in calls}, "the client says less than it did; record it again"


def _environment(url: str) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **given,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "LOCALCLOUDADMIN",
        "AWS_SECRET_ACCESS_KEY": "localcloud",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _sdk(client: str, url: str, bucket: str, model: str, folders: pytest.TempPathFactory) -> str:
    version = client.rpartition("-")[2]
    python = _environment_of_sdk(version, folders)
    command = [python, SDK_JOB, version, bucket, model]
    done = subprocess.run(command, env=_environment(url), capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])["job"]


def _environment_of_sdk(version: str, folders: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the SDK, which takes minutes to build; SDK_ENVIRONMENTS keeps it."""
    kept = os.environ.get("SDK_ENVIRONMENTS")
    folder = (Path(kept) if kept else folders.mktemp("sdk")) / f"v{version}"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", SDKS[version]], check=True)
    return python


def _aws_cli(_client: str, url: str, bucket: str, model: str, _folders: pytest.TempPathFactory) -> str:
    job = f"aws-cli-{time.time_ns()}"
    aws = [sys.executable, "-m", "awscli", "sagemaker"]
    request = json.dumps(_request(job, bucket, model))
    for arguments in (
        ["create-transform-job", "--cli-input-json", request],
        ["wait", "transform-job-completed-or-stopped", "--transform-job-name", job],
        ["describe-transform-job", "--transform-job-name", job],
        ["list-transform-jobs", "--name-contains", job],
    ):
        subprocess.run([*aws, *arguments], env=_environment(url), check=True, capture_output=True, timeout=600)
    return job


def _boto3(_client: str, url: str, bucket: str, model: str, _folders: pytest.TempPathFactory) -> str:
    import boto3  # noqa: PLC0415  as a user does it, in a session that knows nothing of the tests

    job = f"boto3-{time.time_ns()}"
    session = boto3.Session("LOCALCLOUDADMIN", "localcloud", region_name="us-east-1")
    sagemaker: Any = session.client("sagemaker", endpoint_url=url)
    sagemaker.create_transform_job(**_request(job, bucket, model))
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=job, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return job


def _request(job: str, bucket: str, model: str) -> dict[str, Any]:
    return {
        "TransformJobName": job,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out/{job}", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    }


RUN: dict[str, Callable[[str, str, str, str, pytest.TempPathFactory], str]] = {
    "sdk": _sdk,
    "aws": _aws_cli,
    "boto3": _boto3,
}
