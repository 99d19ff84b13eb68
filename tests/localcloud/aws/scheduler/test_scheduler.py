"""The endpoint's schedules: created, changed and listed as on AWS, and really fired under the role that they name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import ACCOUNT, REGION, Endpoint, Keys, allow, document, eventually

TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:createTransformJob"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def trust(group: str) -> dict[str, Any]:
    """Let the scheduler take a role for the schedules of one group."""
    source = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{group}"
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": source}}
    return {"Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": condition}


@dataclass(frozen=True)
class Place:
    """A group with a role, a dead-letter queue, and a model to run."""

    aws: Endpoint
    group: str
    role: str
    queue_url: str
    bucket: str
    model: str

    @property
    def queue_arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.group}-failed"

    def target(self, **changed: Any) -> dict[str, Any]:
        request = {
            "TransformJobName": f"{self.group}-<aws.scheduler.execution-id>",
            "ModelName": self.model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/in/"}}
            },
            "TransformOutput": {"S3OutputPath": f"s3://{self.bucket}/out/<aws.scheduler.execution-id>/"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        return {
            "Arn": TARGET,
            "RoleArn": self.role,
            "Input": json.dumps(request),
            "DeadLetterConfig": {"Arn": self.queue_arn},
            "RetryPolicy": {"MaximumRetryAttempts": 0},
            **changed,
        }

    def create(self, name: str, expression: str = "rate(1 day)", keys: Keys | None = None, **more: Any) -> str:
        target = more.pop("Target", None) or self.target()
        made = self.aws.client("scheduler", keys).create_schedule(
            Name=name,
            GroupName=self.group,
            ScheduleExpression=expression,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
            **more,
        )
        return made["ScheduleArn"]

    def jobs(self) -> list[str]:
        found = self.aws.client("sagemaker").list_transform_jobs(NameContains=f"{self.group}-", MaxResults=100)
        return [job["TransformJobName"] for job in found["TransformJobSummaries"]]

    def messages(self) -> list[dict[str, Any]]:
        received = self.aws.client("sqs").receive_message(
            QueueUrl=self.queue_url, MessageAttributeNames=["All"], MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        return received.get("Messages", [])


@pytest.fixture
def place(aws: Endpoint) -> Iterator[Place]:
    group = aws.name("nightly")
    aws.client("scheduler").create_schedule_group(Name=group, Tags=[{"Key": "project", "Value": "workshop"}])
    url = aws.client("sqs").create_queue(QueueName=f"{group}-failed")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{group}-failed"
    jobs = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job/{group}-*"
    role = aws.role(trust(group), allow("sagemaker:CreateTransformJob", jobs), allow("sqs:SendMessage", queue))
    bucket = aws.bucket({"in/a.csv": b"1,2\n"})
    execution = aws.role("sagemaker.amazonaws.com", allow(["s3:*", "logs:*", "cloudwatch:*"]))
    model = aws.name("model")
    aws.client("sagemaker").create_model(ModelName=model, ExecutionRoleArn=execution, PrimaryContainer={"Image": IMAGE})
    yield Place(aws, group, role, url, bucket, model)
    aws.client("scheduler").delete_schedule_group(Name=group)


def soon() -> str:
    """A time that is ahead when the schedule is made, however busy the machine is."""
    return f"at({(datetime.now(UTC) + timedelta(seconds=5)).strftime('%Y-%m-%dT%H:%M:%S')})"


def test_a_schedule_is_shown_as_it_was_made_with_what_aws_adds(place: Place) -> None:
    arn = place.create("one", "cron(0 2 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
    shown = place.aws.client("scheduler").get_schedule(GroupName=place.group, Name="one")
    assert arn == shown["Arn"] == f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{place.group}/one"
    assert (shown["State"], shown["ActionAfterCompletion"]) == ("ENABLED", "NONE")
    assert shown["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert shown["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 0}


def test_an_update_puts_back_to_its_default_what_it_leaves_out(place: Place) -> None:
    place.create("one", Description="words", State="DISABLED")
    scheduler = place.aws.client("scheduler")
    scheduler.update_schedule(
        GroupName=place.group,
        Name="one",
        ScheduleExpression="rate(2 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=place.target(),
        State="DISABLED",
    )
    shown = scheduler.get_schedule(GroupName=place.group, Name="one")
    assert "Description" not in shown
    assert shown["ScheduleExpression"] == "rate(2 days)"


def test_groups_have_tags_and_take_their_schedules_along(place: Place) -> None:
    scheduler = place.aws.client("scheduler")
    arn = scheduler.get_schedule_group(Name=place.group)["Arn"]
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "stack", "Value": "dev"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["project"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stack", "Value": "dev"}]
    place.create("one", State="DISABLED")
    scheduler.delete_schedule_group(Name=place.group)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scheduler.get_schedule(GroupName=place.group, Name="one")
    scheduler.create_schedule_group(Name=place.group)


@pytest.mark.parametrize(
    ("expression", "changed", "said"),
    [
        pytest.param("cron(0 2 * * *)", {}, "Invalid Schedule Expression", id="no expression"),
        pytest.param(
            "rate(1 day)", {"ScheduleExpressionTimezone": "Mars/Olympus"}, "TimezoneMars/Olympus", id="no time zone"
        ),
        pytest.param("rate(1 day)", {"Target": {"Arn": "arn:aws:lambda:x"}}, "not a supported target", id="no target"),
        pytest.param(
            "rate(1 day)", {"Target": {"Arn": TARGET.replace("create", "describe")}}, "not a supported", id="reading"
        ),
        pytest.param("rate(1 day)", {"Target": {"Input": "{"}}, "Invalid RequestJson provided", id="no JSON"),
    ],
)
def test_a_schedule_that_can_never_work_is_refused_when_it_is_created(
    place: Place, expression: str, changed: dict[str, Any], said: str
) -> None:
    if "Target" in changed:
        changed = {**changed, "Target": place.target(**changed["Target"])}
    with pytest.raises(ClientError, match="ValidationException") as refused:
        place.create("one", expression, **changed)
    assert said.replace("Timezone", "Timezone ") in str(refused.value)


def test_a_role_must_trust_the_scheduler_for_the_group_of_the_schedule(place: Place) -> None:
    other = place.aws.role(trust("another-group"))
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        place.create("one", Target=place.target(RoleArn=other))


def test_a_schedule_fires_once_at_its_time_and_starts_a_job(place: Place) -> None:
    place.create("one", soon(), ActionAfterCompletion="DELETE")
    eventually(lambda: len(place.jobs()) == 1)
    (name,) = place.jobs()
    job = place.aws.client("sagemaker").describe_transform_job(TransformJobName=name)
    execution = name.removeprefix(f"{place.group}-")
    assert len(execution) == 36
    assert job["TransformOutput"]["S3OutputPath"] == f"s3://{place.bucket}/out/{execution}/"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        place.aws.client("scheduler").get_schedule(GroupName=place.group, Name="one")
    assert place.messages() == []


def test_a_rate_fires_at_once_and_a_schedule_that_is_off_never(place: Place) -> None:
    place.create("off", State="DISABLED")
    place.create("on")
    eventually(lambda: len(place.jobs()) == 1)


def test_a_rate_fires_first_at_the_start_of_its_schedule(place: Place) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    place.create("between", "rate(1 day)", StartDate=start, EndDate=start + timedelta(hours=1))
    shown = place.aws.client("scheduler").get_schedule(GroupName=place.group, Name="between")
    assert (shown["StartDate"], shown["EndDate"]) == (start, start + timedelta(hours=1))
    eventually(lambda: bool(place.jobs()))
    (job,) = place.jobs()
    found = place.aws.client("sagemaker").describe_transform_job(TransformJobName=job)
    assert found["CreationTime"] >= start


def test_a_call_that_is_refused_ends_in_the_dead_letter_queue(place: Place) -> None:
    request = json.loads(place.target()["Input"])
    target = place.target(Input=json.dumps({**request, "ModelName": "no-such-model"}))
    arn = place.create("one", Target=target)
    found: list[dict[str, Any]] = []
    eventually(lambda: bool(found.extend(place.messages()) or found))
    (message,) = found
    said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert said["ERROR_CODE"] == "ValidationException"
    assert "no-such-model" in said["ERROR_MESSAGE"]
    assert (said["SCHEDULE_ARN"], said["TARGET_ARN"], said["RETRY_ATTEMPTS"]) == (arn, TARGET, "0")
    assert json.loads(message["Body"])["ModelName"] == "no-such-model"
    assert place.jobs() == []


def test_the_role_may_start_what_its_policy_names_and_no_more(place: Place) -> None:
    request = json.loads(place.target()["Input"])
    target = place.target(Input=json.dumps({**request, "TransformJobName": "somebody-elses-job"}))
    place.create("one", Target=target)
    found: list[dict[str, Any]] = []
    eventually(lambda: bool(found.extend(place.messages()) or found))
    assert found[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "AccessDeniedException"


def test_a_call_is_tried_again_with_another_execution_id_where_the_schedule_asks_for_it(place: Place) -> None:
    request = json.loads(place.target()["Input"])
    later = place.aws.name("model")
    target = place.target(Input=json.dumps({**request, "ModelName": later}), RetryPolicy={"MaximumRetryAttempts": 3})
    place.create("one", Target=target)
    known = place.aws.client("sagemaker").describe_model(ModelName=place.model)
    eventually(lambda: any(row["action"] == "sagemaker:CreateTransformJob" for row in decisions(place)))
    place.aws.client("sagemaker").create_model(
        ModelName=later, ExecutionRoleArn=known["ExecutionRoleArn"], PrimaryContainer=known["PrimaryContainer"]
    )
    eventually(lambda: len(place.jobs()) == 1)
    resources = [row["resource"] for row in decisions(place)]
    assert len(set(resources)) == len(resources) > 1
    assert place.messages() == []


def decisions(place: Place) -> list[dict[str, Any]]:
    """What was decided about the schedule's role."""
    role = place.role.rpartition("/")[2]
    return [row for row in place.aws.log("authorization") if f":assumed-role/{role}/" in row["principal"]]


@pytest.mark.parametrize(
    "lacking",
    [
        pytest.param("scheduler:CreateSchedule", id="CreateSchedule"),
        pytest.param("iam:PassRole", id="PassRole"),
    ],
)
def test_whoever_makes_a_schedule_needs_these_rights(place: Place, lacking: str) -> None:
    actions = [action for action in ("scheduler:CreateSchedule", "iam:PassRole") if action != lacking]
    keys = place.aws.session(allow(actions))
    with pytest.raises(ClientError, match=f"not authorized to perform: {lacking}"):
        place.create("one", keys=keys, State="DISABLED")


def test_a_job_that_fails_is_reported_to_the_topic_whose_policy_lets_the_rule(place: Place) -> None:
    aws, name = place.aws, f"{place.group}-failed-jobs"
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"
    topics = [aws.client("sns").create_topic(Name=f"{name}-{end}")["TopicArn"] for end in ("open", "closed")]
    for topic, source in zip(topics, (rule, f"{rule}-other"), strict=True):
        statement = {
            **allow("sns:Publish", topic),
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        aws.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=document(statement)
        )
        aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=place.queue_arn)
    pattern = {
        "source": ["aws.sagemaker"],
        "detail": {"TransformJobName": [{"prefix": f"{place.group}-"}], "TransformJobStatus": ["Failed"]},
    }
    aws.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    targets = [{"Id": str(number), "Arn": topic} for number, topic in enumerate(topics)]
    aws.client("events").put_targets(Rule=name, Targets=targets)
    place.create("one")  # the model has no archive: its container does not start
    found: list[dict[str, Any]] = []
    eventually(lambda: bool(found.extend(place.messages()) or found))
    (notification,) = [json.loads(message["Body"]) for message in found]
    event = json.loads(notification["Message"])
    assert notification["TopicArn"] == topics[0]
    assert event["detail-type"] == "SageMaker Transform Job State Change"
    assert event["detail"]["TransformJobStatus"] == "Failed"
    assert event["detail"]["TransformJobName"] == place.jobs()[0]
