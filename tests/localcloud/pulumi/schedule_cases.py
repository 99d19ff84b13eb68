"""The types for scheduled jobs, their failures, and the roles that deploy and operate: one round trip each."""

from __future__ import annotations

import json
from typing import Any

from tests.localcloud.pulumi.case import Case
from tests.localcloud.pulumi.world import World

ACCOUNT = "123456789012"
TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:createTransformJob"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:subscribed"


def schedule(world: World, **changed: Any) -> dict[str, Any]:
    return {
        "name": "nightly",
        "scheduleExpression": "cron(0 2 * * ? *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": TARGET,
            "roleArn": world.role.outputs["arn"],
            "input": "{}",
            "deadLetterConfig": {"arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:letters"},
            "retryPolicy": {"maximumRetryAttempts": 0},
        },
        **changed,
    }


def pattern(source: str) -> str:
    return json.dumps({"source": [source]})


def topic_policy(action: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


CASES = {
    "schedule group": Case(
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        lambda w: {"name": "group-one", "tags": {"Name": "one"}},
        lambda w: {"name": "group-one", "tags": {"more": "yes"}},
        lambda w: {"name": "group-two"},
        {"state": "ACTIVE", "arn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/group-one"},
        identity=lambda r: r.inputs["name"],
    ),
    "schedule": Case(
        "aws:scheduler/schedule:Schedule",
        schedule,
        lambda w: schedule(w, scheduleExpression="rate(30 days)", state="DISABLED", description="off"),
        lambda w: schedule(w, name="weekly"),
        {"state": "ENABLED", "groupName": "default", "actionAfterCompletion": "NONE"},
        identity=lambda r: f"default/{r.inputs['name']}",
    ),
    "queue": Case(
        "aws:sqs/queue:Queue",
        lambda w: {"name": "letters", "messageRetentionSeconds": 1209600, "sqsManagedSseEnabled": True},
        lambda w: {
            "name": "letters",
            "messageRetentionSeconds": 3600,
            "sqsManagedSseEnabled": True,
            "tags": {"a": "1"},
        },
        lambda w: {"name": "other-letters"},
        {"arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:letters", "visibilityTimeoutSeconds": 30},
        identity=lambda r: r.outputs["url"],
    ),
    "topic": Case(
        "aws:sns/topic:Topic",
        lambda w: {"name": "failures", "policy": topic_policy("sns:Publish"), "tags": {"a": "1"}},
        lambda w: {"name": "failures", "policy": topic_policy("sns:Subscribe"), "displayName": "F", "tags": {"b": "2"}},
        lambda w: {"name": "other-failures"},
        {"arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:failures", "owner": ACCOUNT},
        identity=lambda r: r.outputs["arn"],
    ),
    "topic subscription": Case(
        "aws:sns/topicSubscription:TopicSubscription",
        lambda w: {"topic": TOPIC, "protocol": "email", "endpoint": "ops@example.org"},
        None,
        lambda w: {"topic": TOPIC, "protocol": "email", "endpoint": "dev@example.org"},
        {"ownerId": ACCOUNT},
        identity=lambda r: r.outputs["arn"],
    ),
    "event rule": Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda w: {"name": "failed", "eventPattern": pattern("aws.sagemaker"), "tags": {"a": "1"}},
        lambda w: {"name": "failed", "eventPattern": pattern("aws.s3"), "description": "words", "tags": {"b": "2"}},
        lambda w: {"name": "other", "eventPattern": pattern("aws.sagemaker")},
        {"state": "ENABLED", "eventBusName": "default"},
        identity=lambda r: r.inputs["name"],
    ),
    "event target": Case(
        "aws:cloudwatch/eventTarget:EventTarget",
        lambda w: {"rule": "targeted", "targetId": "failures", "arn": TOPIC},
        lambda w: {"rule": "targeted", "targetId": "failures", "arn": f"{TOPIC}-2"},
        lambda w: {"rule": "targeted", "targetId": "others", "arn": TOPIC},
        identity=lambda r: "targeted-failures",
    ),
    "openid connect provider": Case(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        lambda w: {"url": "https://token.example.org", "clientIdLists": ["sts.amazonaws.com"], "tags": {"a": "1"}},
        lambda w: {"url": "https://token.example.org", "clientIdLists": ["sts.amazonaws.com"], "tags": {"b": "2"}},
        lambda w: {"url": "https://other.example.org", "clientIdLists": ["sts.amazonaws.com"]},
        {"arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.org"},
        identity=lambda r: r.outputs["arn"],
    ),
    "capability": Case(
        "aws:eks/capability:Capability",
        lambda w: capability(w, tags={"a": "1"}),
        lambda w: capability(w, tags={"b": "2"}),
        lambda w: capability(w, capabilityName="another"),
        {"deletePropagationPolicy": "RETAIN"},
        identity=lambda r: f"{r.inputs['clusterName']},{r.inputs['capabilityName']}",
    ),
}


def capability(world: World, **changed: Any) -> dict[str, Any]:
    return {
        "clusterName": world.cluster.id,
        "capabilityName": "ack",
        "type": "ACK",
        "roleArn": world.role.outputs["arn"],
        "deletePropagationPolicy": "RETAIN",
        **changed,
    }
