"""EventBridge Scheduler: groups of schedules, and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import Naming, ResourceType, Update, names, tag_list, tag_map, tagger
from localcloud.pulumi.aws.types.eks_cluster import timestamp
from localcloud.pulumi.wire import Properties

_GONE = "ResourceNotFoundException"
# The scheduler does not know a new role and its trust policy at once.
_ROLE_SETTLING = {"ValidationException": "must allow AWS EventBridge Scheduler to assume the role"}
_TARGET = {"arn": "Arn", "roleArn": "RoleArn", "input": "Input"}
_RETRIES = {
    "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
    "maximumRetryAttempts": "MaximumRetryAttempts",
}
_OTHER_TARGETS = names(
    "ecsParameters eventbridgeParameters kinesisParameters sagemakerPipelineParameters sqsParameters"
)

# Group


def _create_group(cloud: Cloud, inputs: Properties) -> str:
    cloud.call("scheduler", "CreateScheduleGroup", Name=inputs["name"], Tags=tag_list(inputs.get("tagsAll")))
    return inputs["name"]


def _group(cloud: Cloud, name: str) -> Any:
    return absent_as_none(lambda: cloud.call("scheduler", "GetScheduleGroup", Name=name), _GONE)


def _read_group(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _group(cloud, identity)
    if found is None:
        return None
    return {
        "name": identity,
        "namePrefix": known.get("namePrefix") or "",
        "arn": found["Arn"],
        "state": found["State"],
        "creationDate": timestamp(found.get("CreationDate")),
        "lastModificationDate": timestamp(found.get("LastModificationDate")),
        "tagsAll": tag_map(cloud.call("scheduler", "ListTagsForResource", ResourceArn=found["Arn"])["Tags"]),
    }


def _delete_group(cloud: Cloud, identity: str, known: Properties) -> None:
    """Delete a group and the schedules that are left in it, which takes a while on AWS."""
    ignore(lambda: cloud.call("scheduler", "DeleteScheduleGroup", Name=identity), _GONE)
    cloud.wait(
        f"schedule group {identity}",
        lambda: (_group(cloud, identity) or {}).get("State", "DELETED"),
        until={"DELETED"},
        seconds=300.0,
    )


SCHEDULE_GROUP = ResourceType(
    token="aws:scheduler/scheduleGroup:ScheduleGroup",
    create=_create_group,
    read=_read_group,
    delete=_delete_group,
    tagger=tagger("scheduler", "Resource", "ResourceArn", "arn"),
    replaces=names("name namePrefix"),
    naming=Naming("name", "namePrefix", limit=64),
)

# Schedule


def _request(inputs: Properties) -> dict[str, Any]:
    window = inputs["flexibleTimeWindow"]
    return {
        "Name": inputs["name"],
        "GroupName": inputs["groupName"],
        "Description": inputs.get("description"),
        "ScheduleExpression": inputs["scheduleExpression"],
        "ScheduleExpressionTimezone": inputs["scheduleExpressionTimezone"],
        "StartDate": _moment(inputs.get("startDate")),
        "EndDate": _moment(inputs.get("endDate")),
        "State": inputs["state"],
        "ActionAfterCompletion": inputs["actionAfterCompletion"],
        "FlexibleTimeWindow": _present(
            {"Mode": window["mode"], "MaximumWindowInMinutes": window.get("maximumWindowInMinutes")}
        ),
        "Target": _to_target(inputs["target"]),
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _to_target(target: Properties) -> dict[str, Any]:
    retries, letters = target.get("retryPolicy"), target.get("deadLetterConfig")
    return _present(
        {
            **{api: target.get(name) for name, api in _TARGET.items()},
            "RetryPolicy": _present({api: retries.get(n) for n, api in _RETRIES.items()}) if retries else None,
            "DeadLetterConfig": {"Arn": letters["arn"]} if letters else None,
        }
    )


def _from_target(target: Any) -> Properties:
    retries, letters = target.get("RetryPolicy"), target.get("DeadLetterConfig")
    return _present(
        {
            **{name: target.get(api) for name, api in _TARGET.items()},
            "retryPolicy": {n: retries[api] for n, api in _RETRIES.items() if api in retries} if retries else None,
            "deadLetterConfig": {"arn": letters["Arn"]} if letters else None,
        }
    )


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _create(cloud: Cloud, inputs: Properties) -> str:
    cloud.retry(lambda: cloud.call("scheduler", "CreateSchedule", **_request(inputs)), codes=_ROLE_SETTLING)
    return f"{inputs['groupName']}/{inputs['name']}"


def _schedule(cloud: Cloud, identity: str) -> Any:
    group, _, name = identity.partition("/")
    return absent_as_none(lambda: cloud.call("scheduler", "GetSchedule", GroupName=group, Name=name), _GONE)


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _schedule(cloud, identity)
    if found is None:
        return None
    window = found["FlexibleTimeWindow"]
    return {
        "name": found["Name"],
        "namePrefix": known.get("namePrefix") or "",
        "groupName": found["GroupName"],
        "arn": found["Arn"],
        "description": found.get("Description") or "",
        "scheduleExpression": found["ScheduleExpression"],
        "scheduleExpressionTimezone": found.get("ScheduleExpressionTimezone") or "UTC",
        "startDate": timestamp(found.get("StartDate")),
        "endDate": timestamp(found.get("EndDate")),
        "state": found["State"],
        "actionAfterCompletion": found.get("ActionAfterCompletion") or "NONE",
        "flexibleTimeWindow": _present(
            {"mode": window["Mode"], "maximumWindowInMinutes": window.get("MaximumWindowInMinutes")}
        ),
        "target": _from_target(found["Target"]),
    }


def _update(cloud: Cloud, update: Update) -> None:
    cloud.retry(lambda: cloud.call("scheduler", "UpdateSchedule", **_request(update.new)), codes=_ROLE_SETTLING)


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    group, _, name = identity.partition("/")
    ignore(lambda: cloud.call("scheduler", "DeleteSchedule", GroupName=group, Name=name), _GONE)


def _problems(inputs: Properties) -> Mapping[str, str]:
    target = inputs.get("target")
    given = _OTHER_TARGETS & target.keys() if isinstance(target, dict) else frozenset[str]()
    return {f"target.{name}": f"the local cloud's aws plugin does not support `{name}`" for name in given}


SCHEDULE = ResourceType(
    token="aws:scheduler/schedule:Schedule",
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    replaces=names("groupName name namePrefix"),
    defaults={
        "groupName": "default",
        "scheduleExpressionTimezone": "UTC",
        "state": "ENABLED",
        "actionAfterCompletion": "NONE",
    },
    unsupported=names("kmsKeyArn"),
    naming=Naming("name", "namePrefix", limit=64),
    validate=_problems,
)
