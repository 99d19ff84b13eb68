"""A stack with a scheduled job: what it adds, in which order it is deleted, and what it exports."""

import json
from collections import Counter

import pytest

from jobs.arguments import Schedule, TransformJobArgs
from jobs.declaration import Jobs
from tests.program.harness import ACCOUNT, Graph, deploy
from tests.program.jobs import CSV, run

SCHEDULE = "aws:scheduler/schedule:Schedule"
INPUT = "s3://somebodys-bucket/nightly/"


def churn_and_nightly(jobs: Jobs) -> None:
    jobs.add("churn", TransformJobArgs(input=CSV))
    jobs.add("nightly", TransformJobArgs(input=INPUT, schedule=Schedule("cron(0 2 * * ? *)", timezone="Europe/Berlin")))


@pytest.fixture(scope="module")
def graph() -> Graph:
    config = {"inputBuckets": ["somebodys-bucket"], "failureEmails": ["ops@example.org"]}
    found = run(churn_and_nightly, config=config)
    assert found.error is None
    return found


def test_a_schedule_adds_these_resources_and_no_others(graph: Graph) -> None:
    added = Counter(found.type for found in graph.resources.values())
    added.subtract(found.type for found in deploy().resources.values())
    assert +added == {
        "workshop:index:Schedules": 1,
        "workshop:index:ScheduledJob": 1,
        SCHEDULE: 1,
        "aws:scheduler/scheduleGroup:ScheduleGroup": 1,
        "aws:sqs/queue:Queue": 1,
        "aws:sns/topic:Topic": 1,
        "aws:sns/topicSubscription:TopicSubscription": 1,
        "aws:cloudwatch/eventRule:EventRule": 1,
        "aws:cloudwatch/eventTarget:EventTarget": 1,
        "aws:iam/role:Role": 1,
        "aws:iam/rolePolicy:RolePolicy": 1,
    }
    assert not -added


def test_the_schedule_calls_sagemaker_without_trying_again(graph: Graph) -> None:
    schedule = graph.one(SCHEDULE).inputs
    assert (schedule["groupName"], schedule["name"]) == ("batch-workshop", "nightly")
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == (
        "cron(0 2 * * ? *)",
        "Europe/Berlin",
    )
    target = schedule["target"]
    assert target["arn"] == "arn:aws:scheduler:::aws-sdk:sagemaker:createTransformJob"
    assert target["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/batch-workshop-schedule"
    assert target["retryPolicy"] == {"maximumRetryAttempts": 0}
    request = json.loads(target["input"])
    assert request["ModelName"] == graph.outputs["model_name"]
    assert request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == INPUT
    assert {tag["Key"]: tag["Value"] for tag in request["Tags"]} == {
        "project": "sagemaker-batch-workshop",
        "stack": "local",
        "job": "nightly",
    }


def test_the_role_starts_runs_of_the_scheduled_jobs_and_nothing_else(graph: Graph) -> None:
    document = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy", "batch-workshop-schedule").inputs["policy"])
    assert {action for statement in document["Statement"] for action in statement["Action"]} == {
        "sagemaker:CreateTransformJob",
        "sagemaker:AddTags",
        "sqs:SendMessage",
    }
    assert {resource for statement in document["Statement"] for resource in statement["Resource"]} == {
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:transform-job/batch-workshop-nightly-*",
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:batch-workshop-failed-calls",
    }
    trust = json.loads(graph.one("aws:iam/role:Role", "batch-workshop-schedule").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Condition"]["ArnLike"] == {
        "aws:SourceArn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/batch-workshop"
    }


def test_failed_runs_of_scheduled_jobs_are_reported(graph: Graph) -> None:
    pattern = json.loads(graph.one("aws:cloudwatch/eventRule:EventRule").inputs["eventPattern"])
    assert pattern["detail"] == {
        "TransformJobName": [{"prefix": "batch-workshop-nightly-"}],
        "TransformJobStatus": ["Failed"],
    }
    assert graph.one("aws:sns/topicSubscription:TopicSubscription").inputs["endpoint"] == "ops@example.org"


def test_the_schedule_goes_before_all_that_its_jobs_need(graph: Graph) -> None:
    schedule = graph.one(SCHEDULE)
    for type_ in (
        "aws:sagemaker/model:Model",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:sqs/queue:Queue",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:scheduler/scheduleGroup:ScheduleGroup",
    ):
        assert graph.outlives(graph.one(type_), schedule), type_
    for part in ("schedule", "execution"):
        assert graph.outlives(graph.one("aws:iam/rolePolicy:RolePolicy", f"batch-workshop-{part}"), schedule), part


def test_the_stack_exports_the_schedule_and_where_results_go(graph: Graph) -> None:
    assert set(graph.outputs["transform_jobs"]) == {"churn"}
    assert set(graph.outputs["scheduled_jobs"]) == {"nightly"}
    nightly = graph.outputs["scheduled_jobs"]["nightly"]
    assert nightly["job_name_prefix"] == "batch-workshop-nightly-"
    assert nightly["output_path"] == f"s3://{graph.outputs['bucket_name']}/output"
    assert nightly["input_path"] == INPUT


def test_a_preview_knows_the_schedule() -> None:
    preview = run(churn_and_nightly, preview=True)
    assert preview.error is None
    assert preview.one(SCHEDULE).inputs["scheduleExpression"] == "cron(0 2 * * ? *)"
