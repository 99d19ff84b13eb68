"""DescribeTransformJob, ListTransformJobs and the waiter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

ARN = "arn:aws:sagemaker:us-east-1:123456789012:transform-job"
ALWAYS = {
    "TransformJobName",
    "TransformJobArn",
    "TransformJobStatus",
    "ModelName",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
    "DataProcessing",
    "CreationTime",
    "TransformStartTime",
    "TransformEndTime",
}


@pytest.fixture(scope="module")
def bucket(cloud: Any) -> str:
    return cloud.bucket({"in/a.csv": b"1,2\n"})


@pytest.fixture(scope="module")
def model(cloud: Any) -> str:
    return cloud.model()


@pytest.fixture(scope="module")
def listed(cloud: Any, bucket: str, model: str) -> list[str]:
    """Names of five jobs of one kind in the order of their creation; the last one fails."""
    failing = cloud.model("fail-400")
    names = [f"listed-{letter}" for letter in "cabed"]
    for name in names:
        cloud.start(bucket, failing if name.endswith("d") else model, TransformJobName=name)
        cloud.finish(name)
    return names


def test_describe_shows_what_was_set_and_no_more(cloud: Any, bucket: str, model: str) -> None:
    job = cloud.run(bucket, model, Tags=[{"Key": "a", "Value": "b"}])
    assert set(job) - {"ResponseMetadata"} == ALWAYS
    assert job["TransformJobArn"] == f"{ARN}/{job['TransformJobName']}"


def test_describe_fills_the_defaults_that_sagemaker_fills(cloud: Any, bucket: str, model: str) -> None:
    unset = {"TransformInput__SplitType": None, "TransformOutput__AssembleWith": None}
    job = cloud.run(bucket, model, **unset)
    assert job["TransformInput"]["SplitType"] == job["TransformInput"]["CompressionType"] == "None"
    assert (job["TransformOutput"]["AssembleWith"], job["TransformOutput"]["KmsKeyId"]) == ("None", "")
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}


def test_describe_fills_what_is_given_in_part(cloud: Any, bucket: str, model: str) -> None:
    job = cloud.run(bucket, model, DataProcessing={"InputFilter": "$[0]"})
    assert job["DataProcessing"] == {"InputFilter": "$[0]", "OutputFilter": "$", "JoinSource": "None"}


def test_describe_gives_back_every_setting(cloud: Any, bucket: str, model: str) -> None:
    settings: dict[str, Any] = {
        "MaxConcurrentTransforms": 2,
        "MaxPayloadInMB": 5,
        "BatchStrategy": "MultiRecord",
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 30, "InvocationsMaxRetries": 1},
        "Environment": {"A": "1"},
        "DataProcessing": {"InputFilter": "$[0]", "OutputFilter": "$", "JoinSource": "Input"},
        "ExperimentConfig": {"ExperimentName": "e"},
    }
    job = cloud.run(bucket, model, **settings)
    assert {name: job[name] for name in settings} == settings


def test_times_are_in_order(cloud: Any, bucket: str, model: str) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    job = cloud.run(bucket, model)
    assert before <= job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"] <= datetime.now(UTC)


@pytest.mark.parametrize("operation", ["describe_transform_job", "stop_transform_job"])
def test_an_unknown_job_is_not_found_in_words_that_the_operator_knows(cloud: Any, operation: str) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(cloud.sagemaker, operation)(TransformJobName="nobody")
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "ValidationException",
        "Could not find requested job with name: nobody",
    )


def _names(cloud: Any, **request: Any) -> list[str]:
    summaries = cloud.sagemaker.list_transform_jobs(NameContains="listed-", **request)["TransformJobSummaries"]
    return [one["TransformJobName"] for one in summaries]


@pytest.mark.parametrize(
    ("request_", "letters"),
    [
        pytest.param({}, "debac", id="the newest first by default"),
        pytest.param({"SortOrder": "Ascending"}, "cabed", id="the oldest first"),
        pytest.param({"SortBy": "Name", "SortOrder": "Ascending"}, "abcde", id="by name"),
        pytest.param({"SortBy": "Name", "SortOrder": "Descending"}, "edcba", id="by name, backwards"),
        pytest.param({"SortBy": "Status", "SortOrder": "Ascending"}, "abced", id="by status"),
        pytest.param({"StatusEquals": "Failed"}, "d", id="of one status"),
        pytest.param({"StatusEquals": "Stopped"}, "", id="of a status that none has"),
        pytest.param({"CreationTimeAfter": datetime(2100, 1, 1, tzinfo=UTC)}, "", id="created in the far future"),
        pytest.param({"CreationTimeBefore": datetime(2000, 1, 1, tzinfo=UTC)}, "", id="created long ago"),
        pytest.param(
            {"LastModifiedTimeAfter": datetime(2000, 1, 1, tzinfo=UTC), "SortBy": "Name", "SortOrder": "Ascending"},
            "abcde",
            id="modified since",
        ),
    ],
)
def test_lists_are_filtered_and_sorted(cloud: Any, listed: list[str], request_: dict[str, Any], letters: str) -> None:
    assert _names(cloud, **request_) == [f"listed-{letter}" for letter in letters]


def test_times_filter_to_the_job(cloud: Any, listed: list[str]) -> None:
    created = cloud.sagemaker.describe_transform_job(TransformJobName=listed[2])["CreationTime"]
    assert _names(cloud, CreationTimeAfter=created, SortOrder="Ascending") == listed[3:]
    assert _names(cloud, CreationTimeBefore=created, SortOrder="Ascending") == listed[:2]


def test_pages_hold_ten_unless_told(cloud: Any, listed: list[str]) -> None:
    pages = cloud.sagemaker.get_paginator("list_transform_jobs").paginate(
        NameContains="listed-", PaginationConfig={"PageSize": 2}
    )
    names = [[one["TransformJobName"] for one in page["TransformJobSummaries"]] for page in pages]
    assert [len(page) for page in names] == [2, 2, 1]
    assert [name for page in names for name in page] == listed[::-1]


def test_a_token_that_no_listing_returned_is_refused(cloud: Any) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*NextToken"):
        cloud.sagemaker.list_transform_jobs(NextToken="nonsense")


def test_a_summary_has_reason_and_end_only_where_they_are(cloud: Any, listed: list[str]) -> None:
    failed, *_, completed = cloud.sagemaker.list_transform_jobs(NameContains="listed-")["TransformJobSummaries"]
    usual = {
        "TransformJobName",
        "TransformJobArn",
        "CreationTime",
        "LastModifiedTime",
        "TransformEndTime",
        "TransformJobStatus",
    }
    assert set(completed) == usual
    assert set(failed) == usual | {"FailureReason"}
    assert failed["FailureReason"] == "ClientError: See job logs for more information"


def test_the_waiter_waits_for_the_end(cloud: Any, bucket: str, model: str) -> None:
    waiter = cloud.sagemaker.get_waiter("transform_job_completed_or_stopped")
    quick = {"Delay": 0.05, "MaxAttempts": 200}
    waiter.wait(TransformJobName=cloud.start(bucket, model), WaiterConfig=quick)
    with pytest.raises(WaiterError, match="terminal failure state"):
        waiter.wait(TransformJobName=cloud.start(bucket, cloud.model("fail-400")), WaiterConfig=quick)
    with pytest.raises(WaiterError, match="terminal failure state"):
        waiter.wait(TransformJobName="nobody", WaiterConfig=quick)
