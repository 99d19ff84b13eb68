"""EventBridge Scheduler: groups of schedules, and schedules."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Naming, Update
from localcloud.pulumi.wire import Properties, names

_SERVICE = "scheduler"
_GONE = ("ResourceNotFoundException",)
_OTHER_TARGETS = names(
    "ecsParameters eventbridgeParameters kinesisParameters sagemakerPipelineParameters sqsParameters"
)

# Group

_GROUP = Api(
    token="aws:scheduler/scheduleGroup:ScheduleGroup",
    service=_SERVICE,
    identity="name",
    calls=("CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup"),
    gone=_GONE,
    tagging=Tagging(_SERVICE, listing="ListTagsForResource"),
)


def _delete_group(cloud: Cloud, identity: str, known: Properties) -> None:
    """Delete a group and the schedules that are left in it, which takes a while on AWS."""
    _GROUP.delete(cloud, identity, known)
    cloud.wait(
        f"schedule group {identity}",
        lambda: (_GROUP.found(cloud, identity) or {}).get("State", "DELETED"),
        until={"DELETED"},
        seconds=300.0,
    )


SCHEDULE_GROUP = _GROUP.type(
    delete=_delete_group,
    replaces=names("name namePrefix"),
    naming=Naming("name", "namePrefix", limit=64),
)

# Schedule

_API = Api(
    token="aws:scheduler/schedule:Schedule",
    service=_SERVICE,
    identity="groupName/name",
    calls=("CreateSchedule", "GetSchedule", "DeleteSchedule"),
    gone=_GONE,
    # The scheduler does not know a new role and its trust policy at once.
    settling={"ValidationException": "must allow AWS EventBridge Scheduler to assume the role"},
)


def _update(cloud: Cloud, update: Update) -> None:
    _API.settled(cloud, lambda: _API.ask(cloud, "UpdateSchedule", update.new))


def _problems(inputs: Properties) -> Mapping[str, str]:
    target = inputs.get("target")
    given = _OTHER_TARGETS & target.keys() if isinstance(target, dict) else frozenset[str]()
    return {f"target.{name}": f"the local cloud's aws plugin does not support `{name}`" for name in given}


SCHEDULE = _API.type(
    update=_update,
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

TYPES = (
    SCHEDULE_GROUP,
    SCHEDULE,
)
