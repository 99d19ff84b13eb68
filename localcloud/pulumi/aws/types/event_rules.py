"""EventBridge: rules of the default bus, and their targets."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.endpoint import AwsError
from localcloud.pulumi.aws.resource import Naming, ResourceType, Tags, Update, names, tag_list, tag_map, tagger
from localcloud.pulumi.wire import Properties

_GONE = "ResourceNotFoundException"

# Rule


def _put_rule(cloud: Cloud, inputs: Properties, tags: Tags | None = None) -> None:
    cloud.call(
        "events",
        "PutRule",
        Name=inputs["name"],
        Description=inputs.get("description"),
        EventPattern=inputs.get("eventPattern"),
        State=inputs["state"],
        RoleArn=inputs.get("roleArn"),
        Tags=tag_list(tags),
    )


def _create_rule(cloud: Cloud, inputs: Properties) -> str:
    _put_rule(cloud, inputs, inputs.get("tagsAll"))
    return inputs["name"]


def _rule(cloud: Cloud, name: str) -> Any:
    return absent_as_none(lambda: cloud.call("events", "DescribeRule", Name=name), _GONE)


def _read_rule(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _rule(cloud, identity)
    if found is None:
        return None
    return {
        "name": found["Name"],
        "namePrefix": known.get("namePrefix") or "",
        "arn": found["Arn"],
        "description": found.get("Description") or "",
        "eventBusName": "default",
        "eventPattern": found.get("EventPattern"),
        "roleArn": found.get("RoleArn"),
        "state": found["State"],
        "tagsAll": tag_map(cloud.call("events", "ListTagsForResource", ResourceARN=found["Arn"])["Tags"]),
    }


def _delete_rule(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(lambda: cloud.call("events", "DeleteRule", Name=identity), _GONE)


def _update_rule(cloud: Cloud, update: Update) -> None:
    _put_rule(cloud, update.new)


RULE = ResourceType(
    token="aws:cloudwatch/eventRule:EventRule",
    create=_create_rule,
    read=_read_rule,
    update=_update_rule,
    delete=_delete_rule,
    tagger=tagger("events", "Resource", "ResourceARN", "arn"),
    replaces=names("name namePrefix"),
    defaults={"state": "ENABLED", "forceDestroy": False},
    documents=names("eventPattern"),
    unsupported=names("eventBusName isEnabled scheduleExpression"),
    naming=Naming("name", "namePrefix", limit=64),
)

# Target


def _put_target(cloud: Cloud, inputs: Properties) -> str:
    target = {"Id": inputs["targetId"], "Arn": inputs["arn"]}
    target |= {api: inputs[name] for name, api in (("input", "Input"), ("inputPath", "InputPath")) if name in inputs}
    answer = cloud.call("events", "PutTargets", Rule=inputs["rule"], Targets=[target])
    for failed in answer.get("FailedEntries") or []:
        raise AwsError("PutTargets", failed["ErrorCode"], failed["ErrorMessage"])
    return f"{inputs['rule']}-{inputs['targetId']}"


def _target(cloud: Cloud, rule: str, target_id: str) -> Any:
    answer = absent_as_none(lambda: cloud.call("events", "ListTargetsByRule", Rule=rule), _GONE)
    return next((target for target in (answer or {}).get("Targets", []) if target["Id"] == target_id), None)


def _read_target(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    rule, target_id = _parts(identity, known)
    found = _target(cloud, rule, target_id)
    if found is None:
        return None
    return {
        "rule": rule,
        "targetId": target_id,
        "arn": found["Arn"],
        "eventBusName": "default",
        "input": found.get("Input"),
        "inputPath": found.get("InputPath"),
    }


def _parts(identity: str, known: Properties) -> tuple[str, str]:
    """Return rule and target, with the help of known inputs: the dash between them may also be in either name."""
    if "rule" in known and "targetId" in known:
        return known["rule"], known["targetId"]
    rule, _, target_id = identity.rpartition("-")
    return rule, target_id


def _delete_target(cloud: Cloud, identity: str, known: Properties) -> None:
    rule, target_id = _parts(identity, known)
    ignore(lambda: cloud.call("events", "RemoveTargets", Rule=rule, Ids=[target_id]), _GONE)


def _update_target(cloud: Cloud, update: Update) -> None:
    _put_target(cloud, update.new)


TARGET = ResourceType(
    token="aws:cloudwatch/eventTarget:EventTarget",
    create=_put_target,
    read=_read_target,
    update=_update_target,
    delete=_delete_target,
    replaces=names("rule targetId"),
    defaults={"forceDestroy": False},
    documents=names("input"),
    unsupported=names(
        "appsyncTarget batchTarget deadLetterConfig ecsTarget eventBusName httpTarget inputTransformer kinesisTarget "
        "redshiftTarget retryPolicy roleArn runCommandTargets sagemakerPipelineTarget sqsTarget"
    ),
    naming=Naming("targetId", limit=64),
)
