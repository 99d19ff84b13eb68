"""The execution role's own policies decide what a job may read, write and log: the whole endpoint, a real container."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import Endpoint, allow, document

MODEL = Path(__file__).resolve().parents[4] / "model"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
CLIENT_ERROR = "ClientError: See job logs for more information"
GROUP = "/aws/sagemaker/TransformJobs"
READ = allow("s3:GetObject", "arn:aws:s3:::*/in/*")
LIST = allow("s3:ListBucket", "arn:aws:s3:::*")
WRITE = allow(["s3:PutObject", "s3:AbortMultipartUpload"], "arn:aws:s3:::*/out/*")
LOG = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:*:*:*")
ALL = [READ, LIST, WRITE, LOG]


@pytest.fixture(scope="module")
def bucket(aws: Endpoint) -> str:
    rows = (MODEL / "batch_input.csv").read_bytes()
    return aws.bucket({"in/rows.csv": rows, "in/model.tar.gz": (MODEL / "model.tar.gz").read_bytes()})


def model_for(aws: Endpoint, bucket: str, *statements: Any, trust: str = "sagemaker.amazonaws.com") -> str:
    name = aws.name("model")
    aws.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=aws.role(trust, *statements),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/in/model.tar.gz"},
    )
    return name


def start(aws: Endpoint, bucket: str, model: str) -> str:
    name = aws.name("job")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/rows.csv"}}
    aws.client("sagemaker").create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/out/{name}", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    return name


def finish(aws: Endpoint, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = aws.client("sagemaker").describe_transform_job(TransformJobName=name)
        if job["TransformJobStatus"] != "InProgress":
            return job
        time.sleep(0.05)
    raise AssertionError(f"{name} has not ended")


def streams(aws: Endpoint, name: str) -> list[str]:
    try:
        found = aws.client("logs").describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
    except aws.client("logs").exceptions.ResourceNotFoundException:
        return []
    return [stream["logStreamName"] for stream in found["logStreams"]]


def test_a_role_with_these_four_permissions_is_enough(aws: Endpoint, bucket: str) -> None:
    name = start(aws, bucket, model_for(aws, bucket, *ALL))
    job = finish(aws, name)
    assert job["TransformJobStatus"] == "Completed", job
    output = aws.client("s3").get_object(Bucket=bucket, Key=f"out/{name}/rows.csv.out")["Body"].read()
    assert output.count(b"\n") == (MODEL / "batch_input.csv").read_bytes().count(b"\n")
    assert len(streams(aws, name)) == 2


def test_without_the_right_to_list_there_is_no_input(aws: Endpoint, bucket: str) -> None:
    with pytest.raises(ClientError, match="No S3 objects found under S3 URL"):
        start(aws, bucket, model_for(aws, bucket, READ, WRITE, LOG))


def test_without_the_right_to_read_there_is_no_model(aws: Endpoint, bucket: str) -> None:
    with pytest.raises(ClientError, match="Could not access model data at"):
        model_for(aws, bucket, LIST, WRITE, LOG)


def test_without_the_right_to_list_a_missing_model_is_not_distinguished_from_a_forbidden_one(aws: Endpoint) -> None:
    empty = aws.bucket()
    with pytest.raises(ClientError, match="Could not access model data at"):
        model_for(aws, empty, READ, WRITE, LOG)
    with pytest.raises(ClientError, match="Could not find model data at"):
        model_for(aws, empty, *ALL)


def test_a_bucket_policy_can_let_the_role_list(aws: Endpoint) -> None:
    bucket = aws.bucket({"in/rows.csv": b"1\n", "in/model.tar.gz": (MODEL / "model.tar.gz").read_bytes()})
    model = model_for(aws, bucket, READ, WRITE, LOG)
    role = aws.client("sagemaker").describe_model(ModelName=model)["ExecutionRoleArn"]
    statement = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Principal={"AWS": role})
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(statement))
    assert start(aws, bucket, model)


def test_without_the_right_to_write_the_job_fails_and_says_so(aws: Endpoint, bucket: str) -> None:
    name = start(aws, bucket, model_for(aws, bucket, READ, LIST, LOG))
    assert finish(aws, name)["FailureReason"] == CLIENT_ERROR
    (stream,) = [one for one in streams(aws, name) if one.endswith("/data-log")]
    events = aws.client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream)["events"]
    assert "AccessDenied" in events[1]["message"]


def test_without_the_right_to_log_the_job_completes_in_silence(aws: Endpoint, bucket: str) -> None:
    name = start(aws, bucket, model_for(aws, bucket, READ, LIST, WRITE))
    assert finish(aws, name)["TransformJobStatus"] == "Completed"
    assert streams(aws, name) == []


def test_a_role_that_does_not_trust_sagemaker_is_refused(aws: Endpoint, bucket: str) -> None:
    with pytest.raises(ClientError, match="Could not access model data at"):
        model_for(aws, bucket, *ALL, trust="ec2.amazonaws.com")


def test_a_role_that_is_deleted_meanwhile_cannot_be_assumed(aws: Endpoint, bucket: str) -> None:
    model = model_for(aws, bucket, *ALL)
    role = aws.client("sagemaker").describe_model(ModelName=model)["ExecutionRoleArn"].rpartition("/")[2]
    aws.client("iam").delete_role_policy(RoleName=role, PolicyName="test")
    aws.client("iam").delete_role(RoleName=role)
    with pytest.raises(ClientError, match=f"Could not assume role arn:aws:iam::123456789012:role/{role}"):
        start(aws, bucket, model)
