"""Behaviour that must be the same here and on AWS: boto3 against the local endpoint, or with `--aws` against a real account.

    AWS_PROFILE=... TRANSFORM_BUCKET=... TRANSFORM_MODEL=... pytest tests/localcloud/aws/sagemaker --aws -m aws

The bucket and the model are those of a deployed stack (outputs `bucket_name` and `model_name`); a run costs some cents.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import Endpoint, allow

pytestmark = pytest.mark.aws
ROWS = (Path(__file__).resolve().parents[4] / "model" / "batch_input.csv").read_bytes().splitlines(keepends=True)[:5]
RECORDIO = Path(__file__).resolve().parents[2] / "batch_transform" / "framed" / "sagemaker-sdk.recordio"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
GROUP = "/aws/sagemaker/TransformJobs"
FINAL = {"Completed", "Failed", "Stopped"}


@dataclass
class Place:
    """An account in which jobs run."""

    sagemaker: Any
    s3: Any
    logs: Any
    bucket: str
    model: str
    patience: float

    def name(self) -> str:
        return f"either-{time.time_ns()}"

    def request(self, body: bytes, **changes: Any) -> dict[str, Any]:
        name = self.name()
        self.s3.put_object(Bucket=self.bucket, Key=f"in/{name}/rows.csv", Body=body)
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/in/{name}/rows.csv"}
        return {
            "TransformJobName": name,
            "ModelName": self.model,
            "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {
                "S3OutputPath": f"s3://{self.bucket}/out/{name}",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **changes,
        }

    def start(self, body: bytes, **changes: Any) -> str:
        request = self.request(body, **changes)
        self.sagemaker.create_transform_job(**request)
        return request["TransformJobName"]

    def finish(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            job = self.sagemaker.describe_transform_job(TransformJobName=name)
            if job["TransformJobStatus"] in FINAL:
                return job
            time.sleep(self.patience / 300)
        raise AssertionError(f"{name} has not ended")

    def output(self, name: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=f"out/{name}/rows.csv.out")["Body"].read()

    def log(self, name: str, *, data: bool) -> list[str]:
        """The lines of a job's data log, or of its container's log."""
        found = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        (stream,) = [one["logStreamName"] for one in found if one["logStreamName"].endswith("/data-log") is data]
        events = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.config.getoption("--aws", default=False):
        bucket, model = os.environ["TRANSFORM_BUCKET"], os.environ["TRANSFORM_MODEL"]
        s3, logs = boto3.client("s3"), boto3.client("logs")
        yield Place(boto3.client("sagemaker"), s3, logs, bucket, model, patience=1800)
    else:
        yield _local(request.getfixturevalue("aws"))


def _local(aws: Endpoint) -> Place:
    archive = Path(__file__).resolve().parents[4] / "model" / "model.tar.gz"
    bucket = aws.bucket({"model.tar.gz": archive.read_bytes()})
    model = aws.name("model")
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName=model,
        ExecutionRoleArn=aws.role("sagemaker.amazonaws.com", allow(["s3:*", "logs:*"])),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"},
    )
    return Place(sagemaker, aws.client("s3"), aws.client("logs"), bucket, model, patience=60)


def refusal(place: Place, request: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        place.sagemaker.create_transform_job(**request)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_each_row_gets_one_line_and_no_line_is_blank(place: Place) -> None:
    name = place.start(b"".join(ROWS))
    job = place.finish(name)
    assert job["TransformJobStatus"] == "Completed"
    assert not {"BatchStrategy", "FailureReason"} & set(job)
    lines = place.output(name).split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == len(ROWS)
    assert all(0 <= float(line) <= 1 for line in lines)


def test_a_joined_row_keeps_its_fields_and_its_prediction_as_text(place: Place) -> None:
    plain = place.start(b"".join(ROWS))
    joined = place.start(
        b"".join(b"0221-WMXNQ," + row for row in ROWS),
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert {place.finish(name)["TransformJobStatus"] for name in (plain, joined)} == {"Completed"}
    assert place.output(joined) == b"".join(b"0221-WMXNQ,%b\n" % line for line in place.output(plain).splitlines())


def test_recordio_gives_the_predictions_of_the_same_rows_as_csv(place: Place) -> None:
    """The file is the SageMaker SDK's: three rows of two numbers."""
    as_csv = place.start(b"1.0,2.5\n3.0,-4.0\n0.0,9.0\n")
    request = place.request(RECORDIO.read_bytes())
    request["TransformInput"] |= {"ContentType": "application/x-recordio-protobuf", "SplitType": "RecordIO"}
    place.sagemaker.create_transform_job(**request)
    name = request["TransformJobName"]
    assert {place.finish(one)["TransformJobStatus"] for one in (as_csv, name)} == {"Completed"}
    assert place.output(name) == place.output(as_csv)


def test_a_header_fails_the_job_with_the_models_answer_in_the_data_log(place: Place) -> None:
    name = place.start(b"state,account_length\n" + b"".join(ROWS))
    job = place.finish(name)
    assert (job["TransformJobStatus"], job["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket, Prefix=f"out/{name}/")
    lines = [line.partition("[sagemaker logs]: ")[2] for line in place.log(name, data=True)]
    assert lines[0] == "MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    object_name = f"{place.bucket}/in/{name}/rows.csv"
    assert lines[1:4] == [f"{object_name}: ClientError: 415", f"{object_name}: ", f"{object_name}: Message:"]


def test_a_body_beyond_the_containers_limit_is_refused_once(place: Place) -> None:
    name = place.start(b"".join(ROWS) * 25_000, MaxPayloadInMB=10)  # 9 MB; the container takes 6
    assert place.finish(name)["FailureReason"] == "ClientError: See job logs for more information"
    assert place.log(name, data=True)[1].endswith(f"{place.bucket}/in/{name}/rows.csv: ClientError: 413")
    assert sum('"POST /invocations HTTP/1.1" 413 ' in line for line in place.log(name, data=False)) == 1


def test_a_job_can_be_stopped(place: Place) -> None:
    name = place.start(b"".join(ROWS) * 5_000, BatchStrategy="SingleRecord")  # 30,000 requests: it runs on meanwhile
    place.sagemaker.stop_transform_job(TransformJobName=name)
    assert place.finish(name)["TransformJobStatus"] == "Stopped"
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket, Prefix=f"out/{name}/")


def test_refusals_have_their_codes_and_words(place: Place) -> None:
    request = place.request(b"1\n")
    arn = place.sagemaker.describe_model(ModelName=place.model)["ModelArn"].rpartition("/")[0]
    unknown = ("ValidationException", f'Could not find model "{arn}/nobody-at-all".')
    assert refusal(place, {**request, "ModelName": "nobody-at-all"}) == unknown
    empty = {**request["TransformInput"], "DataSource": _source(f"s3://{place.bucket}/nothing/here/")}
    code, text = refusal(place, {**request, "TransformInput": empty})
    assert code == "ValidationException"
    assert text.startswith(f'No S3 objects found under S3 URL "s3://{place.bucket}/nothing/here/" given in input data')
    assert refusal(place, {**request, "BatchStrategy": "All"})[0] == "ValidationException"
    assert refusal(place, {**request, "MaxPayloadInMB": 101})[0] == "ValidationException"
    assert refusal(place, {**request, "MaxConcurrentTransforms": 20})[0] == "ValidationException"


def test_a_name_is_taken_for_ever(place: Place) -> None:
    request = place.request(b"".join(ROWS))
    place.sagemaker.create_transform_job(**request)
    assert refusal(place, request)[0] == "ResourceInUse"
    place.finish(request["TransformJobName"])
    assert refusal(place, request)[0] == "ResourceInUse"


def test_an_unknown_job_is_not_found(place: Place) -> None:
    with pytest.raises(ClientError) as raised:
        place.sagemaker.describe_transform_job(TransformJobName="nobody-at-all")
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith("Could not find requested job with name")


def _source(uri: str) -> dict[str, Any]:
    return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
