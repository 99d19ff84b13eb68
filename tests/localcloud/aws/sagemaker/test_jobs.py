"""Jobs from CreateTransformJob to the output in S3, through a running endpoint and a real worker process."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

INTERNAL_ERROR = "InternalServerError: We encountered an internal error.  Please try again."
CLIENT_ERROR = "ClientError: See job logs for more information"
ROLE = "arn:aws:iam::123456789012:role/execution"
GROUP = "/aws/sagemaker/TransformJobs"


def test_a_job_writes_its_output_and_completes(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1,2\n3,4\n"})
    job = cloud.run(bucket, cloud.model("lines"))
    assert job["TransformJobStatus"] == "Completed"
    assert cloud.content(bucket, "out/a.csv.out") == b"2\n2\n"
    assert cloud.keys(bucket, "out") == ["out/a.csv.out"]


def test_a_failing_object_fails_the_job_and_keeps_the_others_output(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1,2\n", "in/b.csv": b"poison\n"})
    job = cloud.run(bucket, cloud.model("fail-poison"))
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert cloud.keys(bucket, "out") == ["out/a.csv.out"]
    first, *rest = [line.partition("[sagemaker logs]: ") for line in cloud.log(job["TransformJobName"], data=True)]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}:", first[0])
    assert first[2] == "MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    name = f"{bucket}/in/b.csv"
    assert [line for _, _, line in rest] == [
        f"{name}: ClientError: 400",
        f"{name}: ",
        f"{name}: Message:",
        f"{name}: boom",
        f"{name}: Line 1 of the object: poison",
    ]


def test_log_streams_are_named_after_job_instance_and_time(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n"})
    job = cloud.run(bucket, cloud.model(), TransformResources__InstanceCount=2)["TransformJobName"]
    answer = cloud.logs.describe_log_streams(logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{job}/")
    names = [one["logStreamName"] for one in answer["logStreams"]]
    plain = [name for name in names if re.fullmatch(rf"{job}/i-[0-9a-f]{{17}}-\d{{10}}", name)]
    assert len(plain) == 2
    assert sorted(names) == sorted([*plain, *(f"{name}/data-log" for name in plain)])


def test_the_container_gets_archive_vcpus_and_environment(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n", "model.tar.gz": b"12345"})
    model = cloud.model("lines", ModelDataUrl=f"s3://{bucket}/model.tar.gz", Environment={"SAGEMAKER_A": "m"})
    job = cloud.run(bucket, model, MaxPayloadInMB=2, TransformResources__InstanceType="ml.m5.2xlarge")
    (line,) = cloud.log(job["TransformJobName"], data=False)
    start, _, environment = line.partition("{")
    assert start == "serving lines on 8 vCPUs, archive of 5 bytes, "
    expected = {"SAGEMAKER_A": "m", "SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2"}
    assert json.loads("{" + environment) == expected


def test_a_manifest_names_the_objects(cloud: Any) -> None:
    bucket = cloud.bucket({"x/a.csv": b"1,2\n", "x/b.csv": b"1\n", "x/no.csv": b"1\n"})
    entries = [{"prefix": f"s3://{bucket}/x/"}, "a.csv", "b.csv"]
    cloud.s3.put_object(Bucket=bucket, Key="m.json", Body=json.dumps(entries))
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": f"s3://{bucket}/m.json"}}
    job = cloud.run(bucket, cloud.model(), TransformInput__DataSource=source)
    assert job["TransformJobStatus"] == "Completed"
    assert cloud.keys(bucket, "out") == ["out/a.csv.out", "out/b.csv.out"]


def test_a_manifest_that_cannot_be_read_fails_the_job(cloud: Any) -> None:
    bucket = cloud.bucket({"m.json": b"{}"})
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": f"s3://{bucket}/m.json"}}
    job = cloud.run(bucket, cloud.model(), TransformInput__DataSource=source)
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert "is not a manifest" in cloud.log(job["TransformJobName"], data=True)[0]


def test_gzip_input_gives_plain_output(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv.gz": gzip.compress(b"1,2\n")})
    cloud.run(bucket, cloud.model(), TransformInput__CompressionType="Gzip")
    assert cloud.content(bucket, "out/a.csv.gz.out") == b"2\n"


def test_a_large_output_is_uploaded_in_parts_and_as_a_whole(cloud: Any) -> None:
    rows = b"".join(
        b"%d,abcdefghijklmnopqrstuvwxyz\n" % number for number in range(300_000)
    )  # 10 MB: a part and a rest
    bucket = cloud.bucket({"in/a.csv": rows})
    job = cloud.run(bucket, cloud.model("echo"), MaxPayloadInMB=3)
    assert job["TransformJobStatus"] == "Completed"
    assert cloud.content(bucket, "out/a.csv.out") == rows
    assert "-" in cloud.s3.head_object(Bucket=bucket, Key="out/a.csv.out")["ETag"]


def test_an_output_key_is_encrypted_with_the_key_that_was_asked_for(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n"})
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    cloud.run(bucket, cloud.model(), TransformOutput__KmsKeyId=key)
    head = cloud.s3.head_object(Bucket=bucket, Key="out/a.csv.out")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_an_output_bucket_that_is_not_there_fails_the_job(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n"})
    job = cloud.run(bucket, cloud.model(), TransformOutput__S3OutputPath="s3://no-such-bucket-here/out")
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert "NoSuchBucket" in cloud.log(job["TransformJobName"], data=True)[1]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param("break-off", INTERNAL_ERROR, id="breaks off"),
        pytest.param("never-starts", "AlgorithmError: Model container failed to respond to ping", id="does not start"),
        pytest.param("fail-500", "AlgorithmError: See job logs for more information", id="has an error"),
    ],
)
def test_a_container_that_fails_fails_the_job(cloud: Any, behaviour: str, reason: str) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n"})
    job = cloud.run(bucket, cloud.model(behaviour))
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", reason)
    assert cloud.keys(bucket, "out") == []


def test_a_worker_that_dies_fails_its_jobs_and_the_next_job_gets_a_new_one(cloud: Any) -> None:
    bucket = cloud.bucket({f"in/{number}.csv": b"1\n" for number in range(60)})  # 30 s, if nothing ends it
    slow = cloud.start(bucket, cloud.model("slow"))
    job = cloud.run(bucket, cloud.model("kills-worker"))
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", INTERNAL_ERROR)
    assert cloud.finish(slow)["TransformJobStatus"] == "Failed"
    assert all(cloud.content(bucket, key) == b"1\n" for key in cloud.keys(bucket, "out"))
    assert cloud.run(bucket, cloud.model())["TransformJobStatus"] == "Completed"


def test_a_killed_worker_is_replaced_before_the_next_job_comes(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1\n"})
    cloud.run(bucket, cloud.model())
    killed = cloud.worker_pid
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while cloud.worker_pid in {killed, None} and time.monotonic() < deadline:
        time.sleep(0.02)
    assert cloud.worker_pid not in {killed, None}
    assert cloud.run(bucket, cloud.model())["TransformJobStatus"] == "Completed"


def test_many_small_jobs_at_once_all_complete(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1,2\n"})
    model = cloud.model()
    names = [cloud.start(bucket, model, TransformOutput__S3OutputPath=f"s3://{bucket}/{n}") for n in range(30)]
    assert {cloud.finish(name)["TransformJobStatus"] for name in names} == {"Completed"}
    assert [cloud.content(bucket, f"{n}/a.csv.out") for n in range(30)] == [b"2\n"] * 30


def test_long_jobs_do_not_starve_short_ones(cloud: Any) -> None:
    long = cloud.bucket({f"in/{number}.csv": b"1\n" for number in range(150)})
    slow = cloud.model("slow")
    running = [cloud.start(long, slow) for _ in range(4)]
    short = cloud.bucket({"in/a.csv": b"1\n"})
    assert cloud.run(short, cloud.model())["TransformJobStatus"] == "Completed"
    first = cloud.sagemaker.describe_transform_job(TransformJobName=running[0])
    assert first["TransformJobStatus"] == "InProgress"
    for name in running:
        cloud.sagemaker.stop_transform_job(TransformJobName=name)


def test_an_inference_pipeline_runs_its_containers_in_order_each_with_its_log(cloud: Any) -> None:
    bucket = cloud.bucket({"in/a.csv": b"1,2\n3,4\n", "model.tar.gz": b"x" * 7})
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/double"
    archive = f"s3://{bucket}/model.tar.gz"
    containers = [
        {"Image": f"{image}/echo", "ContainerHostname": "prepare", "Environment": {"SAGEMAKER_STEP": "1"}},
        {"Image": f"{image}/lines", "ModelDataUrl": archive},
    ]
    cloud.sagemaker.create_model(ModelName="pipeline", ExecutionRoleArn=ROLE, Containers=containers)
    name = cloud.start(bucket, "pipeline")
    assert cloud.finish(name)["TransformJobStatus"] == "Completed"
    assert cloud.content(bucket, "out/a.csv.out") == b"2\n2\n"
    streams = cloud.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    lines = {
        one["logStreamName"].rpartition("/")[2]: cloud.logs.get_log_events(
            logGroupName=GROUP, logStreamName=one["logStreamName"]
        )["events"][0]["message"]
        for one in streams
    }
    assert set(lines) == {"prepare", "container-2", "data-log"}
    assert "archive of 0 bytes" in lines["prepare"]
    assert '"SAGEMAKER_STEP": "1"' in lines["prepare"]
    assert "archive of 7 bytes" in lines["container-2"]


def test_containers_that_are_to_be_invoked_directly_are_refused(cloud: Any) -> None:
    containers = [{"Image": "double/lines"}, {"Image": "double/lines"}]
    cloud.sagemaker.create_model(
        ModelName="direct", ExecutionRoleArn=ROLE, Containers=containers, InferenceExecutionConfig={"Mode": "Direct"}
    )
    with pytest.raises(ClientError, match="use InferenceExecutionConfig Mode Serial"):
        cloud.start(cloud.bucket({"in/a.csv": b"1\n"}), "direct")
