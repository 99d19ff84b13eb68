"""EventBridge: rules of the default bus, and their targets."""

from __future__ import annotations

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.endpoint import AwsError
from localcloud.pulumi.aws.resource import Naming, ResourceType, Update
from localcloud.pulumi.wire import Properties, names

_GONE = "ResourceNotFoundException"

# Rule

_RULE = Api(
    token="aws:cloudwatch/eventRule:EventRule",
    service="events",
    identity="name",
    calls=("PutRule", "DescribeRule", "DeleteRule"),
    gone=(_GONE,),
    tagging=Tagging("events", listing="ListTagsForResource"),
)


def _update_rule(cloud: Cloud, update: Update) -> None:
    _RULE.create(cloud, {**update.new, "tagsAll": None})


RULE = _RULE.type(
    update=_update_rule,
    replaces=names("name namePrefix"),
    defaults={"state": "ENABLED", "forceDestroy": False},
    documents=names("eventPattern"),
    unsupported=names("eventBusName isEnabled scheduleExpression"),
    naming=Naming("name", "namePrefix", limit=64),
)

# Target


def _put_target(cloud: Cloud, inputs: Properties) -> str:
    target = {"id": inputs["targetId"], **{name: inputs.get(name) for name in ("arn", "input", "inputPath")}}
    answer = cloud.ask("events", "PutTargets", {"rule": inputs["rule"], "targets": target})
    for failed in answer.get("FailedEntries") or []:
        raise AwsError("PutTargets", failed["ErrorCode"], failed["ErrorMessage"])
    return f"{inputs['rule']}-{inputs['targetId']}"


def _read_target(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    rule, target_id = _parts(identity, known)
    answer = absent_as_none(lambda: cloud.call("events", "ListTargetsByRule", Rule=rule), _GONE)
    found = next((target for target in (answer or {}).get("Targets", []) if target["Id"] == target_id), None)
    return found and {
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


TARGET = ResourceType(
    token="aws:cloudwatch/eventTarget:EventTarget",
    create=_put_target,
    read=_read_target,
    update=lambda cloud, update: _put_target(cloud, update.new),
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

TYPES = (
    RULE,
    TARGET,
)
