"""Permissions of EventBridge, EventBridge Scheduler, SNS and SQS: what scheduled jobs and their failures are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Need, fill, pass_role, tag_keys, tags_of
from localcloud.aws.protocol.wire import Call

_SCHEDULER_SERVICE = "scheduler.amazonaws.com"
_SCHEDULER = "arn:aws:scheduler:{region}:{account}:"
_SCHEDULER_RESOURCES: Mapping[str, str] = {
    **dict.fromkeys(("CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule"), "schedule/{group}/{Name}"),
    **dict.fromkeys(("CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup"), "schedule-group/{Name}"),
}


def scheduler(call: Call, _directory: Directory) -> Sequence[Need]:
    action, tags = f"scheduler:{call.operation}", tag_keys(tags_of(call))
    if call.params.get("ResourceArn"):
        return [Need(action, str(call.params["ResourceArn"]), tags)]
    template = _SCHEDULER_RESOURCES.get(call.operation)
    if template is None:
        return [Need(action, "*")]
    group = str(call.params.get("GroupName") or "default")
    resource = fill(_SCHEDULER + template.replace("{group}", group), call)
    found = [Need(action, resource, tags)]
    if tags:
        found.append(Need("scheduler:TagResource", resource, tags))
    role = (call.params.get("Target") or {}).get("RoleArn")
    return [*found, pass_role(str(role), _SCHEDULER_SERVICE)] if role else found


def events(call: Call, _directory: Directory) -> Sequence[Need]:
    """A rule of the default bus has the bus's name in its ARN nowhere."""
    action, tags, params = f"events:{call.operation}", tag_keys(tags_of(call)), call.params
    if params.get("ResourceARN"):
        return [Need(action, str(params["ResourceARN"]), tags)]
    name = params.get("Rule") or params.get("Name")
    if not name:
        return [Need(action, "*")]
    resource = fill(f"arn:aws:events:{{region}}:{{account}}:rule/{name}", call)
    found = [Need(action, resource, tags)]
    return [*found, Need("events:TagResource", resource, tags)] if tags and call.operation == "PutRule" else found


def sqs(call: Call, _directory: Directory) -> Sequence[Need]:
    action, params = f"sqs:{call.operation}", call.params
    name = params.get("QueueName") or str(params.get("QueueUrl") or "").rpartition("/")[2]
    if not name:
        return [Need(action, "*")]
    tags = tag_keys(tags_of(call))
    resource = fill(f"arn:aws:sqs:{{region}}:{{account}}:{name}", call)
    found = [Need(action, resource, tags)]
    return [*found, Need("sqs:TagQueue", resource, tags)] if tags and call.operation == "CreateQueue" else found


def sns(call: Call, _directory: Directory) -> Sequence[Need]:
    action, params, tags = f"sns:{call.operation}", call.params, tag_keys(tags_of(call))
    if call.operation == "CreateTopic":
        resource = fill("arn:aws:sns:{region}:{account}:{Name}", call)
        found = [Need(action, resource, tags)]
        return [*found, Need("sns:TagResource", resource, tags)] if tags else found
    return [Need(action, str(params.get("TopicArn") or params.get("ResourceArn") or "*"), tags)]
