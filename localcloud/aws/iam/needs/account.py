"""Permissions of the services around computing: IAM, STS, CloudWatch, Service Quotas, EventBridge, SNS and SQS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs import EC2_SERVICE, SCHEDULER_SERVICE, Keys, Need, fill, pass_role, tag_keys, tags_of
from localcloud.aws.protocol.wire import Call

_BY_NAME = (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"))

_SCHEDULER = "arn:aws:scheduler:{region}:{account}:"
_SCHEDULER_RESOURCES: Mapping[str, str] = {
    **dict.fromkeys(("CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule"), "schedule/{group}/{Name}"),
    **dict.fromkeys(("CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup"), "schedule-group/{Name}"),
}


def iam(call: Call, directory: Directory) -> Sequence[Need]:
    tags = tag_keys(tags_of(call))
    resource = _iam_resource(call, directory)
    found = [Need(f"iam:{call.operation}", resource, {**tags, **_iam_keys(call)})]
    kind = call.operation.removeprefix("Create")
    if tags and kind in {"Role", "Policy", "User", "InstanceProfile"}:
        found.append(Need(f"iam:Tag{kind}", resource, tags))
    if call.operation == "AddRoleToInstanceProfile":
        found.append(pass_role(directory.arn("role", str(call.params.get("RoleName"))), EC2_SERVICE))
    return found


def _iam_resource(call: Call, directory: Directory) -> str:
    """The ARN of a call's resource: in IAM's tables a role, user or group comes before a policy that is attached to it."""
    params = call.params
    if params.get("InstanceProfileName"):
        return _new_arn(call, "instance-profile", str(params["InstanceProfileName"]))
    for name, kind in _BY_NAME:
        if params.get(name):
            created = call.operation == f"Create{kind.capitalize()}"
            return _new_arn(call, kind, str(params[name])) if created else directory.arn(kind, str(params[name]))
    if call.operation == "CreatePolicy":
        return _new_arn(call, "policy", str(params.get("PolicyName")))
    return str(params.get("PolicyArn") or params.get("OpenIDConnectProviderArn") or "*")


def _new_arn(call: Call, kind: str, name: str) -> str:
    return f"arn:aws:iam::{call.principal.account_id}:{kind}{call.params.get('Path') or '/'}{name}"


def _iam_keys(call: Call) -> Keys:
    keys: Keys = {}
    if call.params.get("PolicyArn"):
        keys["iam:policyarn"] = (str(call.params["PolicyArn"]),)
    if call.params.get("PermissionsBoundary"):
        keys["iam:permissionsboundary"] = (str(call.params["PermissionsBoundary"]),)
    if call.params.get("AWSServiceName"):
        keys["iam:awsservicename"] = (str(call.params["AWSServiceName"]),)
    return keys


def logs(call: Call, _directory: Directory) -> Sequence[Need]:
    """CloudWatch Logs names a group in denials as `log-group:NAME:log-stream:STREAM`, the stream possibly empty."""
    params = call.params
    if params.get("resourceArn"):
        return [Need(f"logs:{call.operation}", str(params["resourceArn"]), tag_keys(tags_of(call)))]
    group = params.get("logGroupName") or params.get("logGroupNamePrefix") or ""
    stream = params.get("logStreamName") or ""
    identifier = str(params.get("logGroupIdentifier") or "")
    if identifier.startswith("arn:"):
        return [Need(f"logs:{call.operation}", identifier)]
    arn = f"arn:aws:logs:{call.region}:{call.principal.account_id}:log-group:{group or identifier}:log-stream:{stream}"
    return [Need(f"logs:{call.operation}", arn, tag_keys(tags_of(call)))]


def cloudwatch(call: Call, _directory: Directory) -> Sequence[Need]:
    namespace = call.params.get("Namespace")
    keys = {"cloudwatch:namespace": (str(namespace),)} if namespace else {}
    return [Need(f"cloudwatch:{call.operation}", "*", keys)]


def service_quotas(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"servicequotas:{call.operation}"
    if call.params.get("QuotaCode"):
        return [Need(action, fill("arn:aws:servicequotas:{region}:{account}:{ServiceCode}/{QuotaCode}", call))]
    return [Need(action, "*")]


def sts(call: Call, _directory: Directory) -> Sequence[Need]:
    """GetCallerIdentity needs no permission, and AssumeRole evaluates the role's trust policy itself."""
    return (
        []
        if call.operation in {"GetCallerIdentity", "GetSessionToken", "AssumeRole"}
        else [Need(f"sts:{call.operation}", fill("{RoleArn}", call))]
    )


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
    return [*found, pass_role(str(role), SCHEDULER_SERVICE)] if role else found


def events(call: Call, _directory: Directory) -> Sequence[Need]:
    """The ARN of a rule on the default bus does not contain the bus's name."""
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
