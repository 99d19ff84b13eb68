"""The permissions of all services but S3. A call needs the permission on each of its resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.permissions import (
    EC2_SERVICE,
    PODS_SERVICE,
    Keys,
    Mapper,
    Permission,
    at,
    fill,
    given,
    members,
    pass_role,
    required,
    tag_keys,
)
from localcloud.aws.protocol.wire import Call
from localcloud.aws.sagemaker.store import model_arn, transform_job_arn

_NAMED = (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"))
_TAGGED_AT_CREATION = ("Role", "Policy", "User", "InstanceProfile")
_SCHEDULER_RESOURCES: Mapping[str, str] = {
    **dict.fromkeys(("CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule"), "schedule/{group}/{Name}"),
    **dict.fromkeys(("CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup"), "schedule-group/{Name}"),
}
_ON_JOBS = ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob")
_ON_MODELS = ("CreateModel", "DescribeModel", "DeleteModel")

_EKS = "arn:aws:eks:{region}:{account}:"
# The first member of a request that names a resource decides which resource the call is about.
_EKS_RESOURCES = (
    ("nodegroupName", "nodegroup/{clusterName}/{nodegroupName}/*"),
    ("addonName", "addon/{clusterName}/{addonName}/*"),
    ("principalArn", "access-entry/{clusterName}/*"),
    ("associationId", "podidentityassociation/{clusterName}/{associationId}"),
    ("capabilityName", "capability/{clusterName}/ack/{capabilityName}/*"),
)
_IN_CLUSTER = "cluster/{clusterName}"

_EC2 = "arn:aws:ec2:{region}:{account}:"
# Operation -> the resources that it acts on. A resource that is being created has no id yet, which is `*`.
_EC2_RESOURCES: Mapping[str, tuple[str, ...]] = {
    "CreateVpc": ("vpc/*",),
    **dict.fromkeys(("DeleteVpc", "ModifyVpcAttribute"), ("vpc/{VpcId}",)),
    "CreateSubnet": ("subnet/*", "vpc/{VpcId}"),
    **dict.fromkeys(("DeleteSubnet", "ModifySubnetAttribute"), ("subnet/{SubnetId}",)),
    "CreateInternetGateway": ("internet-gateway/*",),
    "DeleteInternetGateway": ("internet-gateway/{InternetGatewayId}",),
    **dict.fromkeys(
        ("AttachInternetGateway", "DetachInternetGateway"), ("internet-gateway/{InternetGatewayId}", "vpc/{VpcId}")
    ),
    "CreateRouteTable": ("route-table/*", "vpc/{VpcId}"),
    **dict.fromkeys(
        ("DeleteRouteTable", "CreateRoute", "ReplaceRoute", "DeleteRoute"), ("route-table/{RouteTableId}",)
    ),
    "AssociateRouteTable": ("route-table/{RouteTableId}", "subnet/{SubnetId}"),
    "DisassociateRouteTable": ("route-table/*",),
    "CreateVpcEndpoint": ("vpc-endpoint/*", "vpc/{VpcId}"),
    "ModifyVpcEndpoint": ("vpc-endpoint/{VpcEndpointId}",),
    "CreateSecurityGroup": ("security-group/*", "vpc/{VpcId}"),
    **dict.fromkeys(
        (
            *("DeleteSecurityGroup", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"),
            *("RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"),
        ),
        ("security-group/{GroupId}",),
    ),
}
# Letters before the dash of an id -> the kind of the resource.
_EC2_KINDS = {
    "vpc": "vpc",
    "subnet": "subnet",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "sg": "security-group",
    "vpce": "vpc-endpoint",
    "eni": "network-interface",
    "lt": "launch-template",
    "i": "instance",
}


def iam(call: Call, directory: Directory) -> Sequence[Permission]:
    names = {"PolicyArn": "iam:policyarn", "PermissionsBoundary": "iam:permissionsboundary"}
    keys = given(call, {**names, "AWSServiceName": "iam:awsservicename"})
    kind = call.operation.removeprefix("Create")
    tagging = f"Tag{kind}" if kind in _TAGGED_AT_CREATION else ""
    found = required(call, _iam_resource(call, directory), keys, tagging)
    if call.operation == "AddRoleToInstanceProfile":
        found.append(pass_role(directory.arn("role", str(call.params.get("RoleName"))), EC2_SERVICE))
    return found


def _iam_resource(call: Call, directory: Directory) -> str:
    """Return the ARN of a call's resource. That of AttachRolePolicy and its like is the role, user or group, not the policy."""
    params = call.params
    if params.get("InstanceProfileName"):
        return _new_arn(call, "instance-profile", str(params["InstanceProfileName"]))
    for name, kind in _NAMED:
        if params.get(name):
            created = call.operation == f"Create{kind.capitalize()}"
            return _new_arn(call, kind, str(params[name])) if created else directory.arn(kind, str(params[name]))
    if call.operation == "CreatePolicy":
        return _new_arn(call, "policy", str(params.get("PolicyName")))
    return str(params.get("PolicyArn") or params.get("OpenIDConnectProviderArn") or "*")


def _new_arn(call: Call, kind: str, name: str) -> str:
    return f"arn:aws:iam::{call.principal.account_id}:{kind}{call.params.get('Path') or '/'}{name}"


def sts(call: Call, _directory: Directory) -> Sequence[Permission]:
    """GetCallerIdentity needs no permission, and AssumeRole evaluates the role's trust policy itself."""
    free = call.operation in {"GetCallerIdentity", "AssumeRole"}
    return [] if free else required(call, fill("{RoleArn}", call))


def logs(call: Call, _directory: Directory) -> Sequence[Permission]:
    """In its denials, CloudWatch Logs calls a group `log-group:NAME:log-stream:STREAM`, in which the stream may be empty."""
    params = call.params
    identifier = str(params.get("logGroupIdentifier") or "")
    if arn := params.get("resourceArn") or (identifier if identifier.startswith("arn:") else ""):
        return required(call, str(arn))
    group = params.get("logGroupName") or params.get("logGroupNamePrefix") or identifier
    stream = params.get("logStreamName") or ""
    return required(call, fill(f"arn:aws:logs:{{region}}:{{account}}:log-group:{group}:log-stream:{stream}", call))


def cloudwatch(call: Call, _directory: Directory) -> Sequence[Permission]:
    return required(call, "*", given(call, {"Namespace": "cloudwatch:namespace"}))


def service_quotas(call: Call, _directory: Directory) -> Sequence[Permission]:
    quota = "arn:aws:servicequotas:{region}:{account}:{ServiceCode}/{QuotaCode}"
    return required(call, fill(quota, call) if call.params.get("QuotaCode") else "*")


def scheduler(call: Call, _directory: Directory) -> Sequence[Permission]:
    template = _SCHEDULER_RESOURCES.get(call.operation)
    if template is None:
        return required(call, str(call.params.get("ResourceArn") or "*"))
    named = template.replace("{group}", str(call.params.get("GroupName") or "default"))
    return required(call, fill(f"arn:aws:scheduler:{{region}}:{{account}}:{named}", call), tagging="TagResource")


def events(call: Call, _directory: Directory) -> Sequence[Permission]:
    """The ARN of a rule on the default bus does not contain the bus's name."""
    name = call.params.get("Rule") or call.params.get("Name")
    rule = fill(f"arn:aws:events:{{region}}:{{account}}:rule/{name}", call) if name else "*"
    tagging = "TagResource" if call.operation == "PutRule" else ""
    return required(call, str(call.params.get("ResourceARN") or rule), tagging=tagging)


def sqs(call: Call, _directory: Directory) -> Sequence[Permission]:
    name = call.params.get("QueueName") or str(call.params.get("QueueUrl") or "").rpartition("/")[2]
    tagging = "TagQueue" if call.operation == "CreateQueue" else ""
    return required(call, fill(f"arn:aws:sqs:{{region}}:{{account}}:{name}", call) if name else "*", tagging=tagging)


def sns(call: Call, _directory: Directory) -> Sequence[Permission]:
    if call.operation == "CreateTopic":
        return required(call, fill("arn:aws:sns:{region}:{account}:{Name}", call), tagging="TagResource")
    return required(call, str(call.params.get("TopicArn") or call.params.get("ResourceArn") or "*"))


def sagemaker(call: Call, _directory: Directory) -> Sequence[Permission]:
    place, params = (call.region, call.principal.account_id), call.params
    if call.operation in _ON_JOBS:
        resource = transform_job_arn(*place, str(params.get("TransformJobName") or "*"))
    elif call.operation in _ON_MODELS:
        resource = model_arn(*place, str(params.get("ModelName") or "*"))
    else:
        return required(call, str(params.get("ResourceArn") or "*"))
    keys = given(
        call,
        {
            "TransformResources.InstanceType": "sagemaker:instancetypes",
            "TransformResources.VolumeKmsKeyId": "sagemaker:volumekmskey",
            "TransformOutput.KmsKeyId": "sagemaker:outputkmskey",
        },
    )
    if call.operation == "CreateTransformJob" and params.get("ModelName"):
        keys["sagemaker:modelarn"] = (model_arn(*place, str(params["ModelName"])),)
    if call.operation == "CreateModel":
        keys["sagemaker:networkisolation"] = ("true" if params.get("EnableNetworkIsolation") else "false",)
    return required(call, resource, keys, "AddTags")


def eks(call: Call, _directory: Directory) -> Sequence[Permission]:
    names = {name: f"eks:{name.lower()}" for name in ("principalArn", "policyArn")}
    keys = given(call, {**names, "upgradePolicy.supportType": "eks:supporttype"})
    created = call.operation.startswith("Create")
    found = required(call, _eks_resource(call), keys, "TagResource" if created else "")
    if call.operation.endswith("PodIdentityAssociation") and (role := call.params.get("roleArn")):
        found.append(Permission("iam:GetRole", str(role)))
    pods = (at(row, "roleArn") for row in members(call.params.get("podIdentityAssociations")))
    return [*found, *(pass_role(str(role), PODS_SERVICE) for role in pods)]


def _eks_resource(call: Call) -> str:
    """Return the ARN of a call's resource; to create something in a cluster is a permission on the cluster."""
    if arn := call.params.get("resourceArn"):
        return str(arn)
    if call.params.get("clusterName"):
        named = (template for member, template in _EKS_RESOURCES if call.params.get(member))
        created = call.operation.startswith("Create")
        return fill(_EKS + (_IN_CLUSTER if created else next(named, _IN_CLUSTER)), call)
    return fill(f"{_EKS}cluster/{{name}}", call) if call.params.get("name") else "*"


def eks_auth(call: Call, _directory: Directory) -> Sequence[Permission]:
    return required(call, fill(_EKS + _IN_CLUSTER, call))


def ec2(call: Call, _directory: Directory) -> Sequence[Permission]:
    action = f"ec2:{call.operation}"
    if call.operation in {"CreateTags", "DeleteTags"}:
        tags = tag_keys({row["Key"]: row.get("Value", "") for row in members(call.params.get("Tags"))})
        return [Permission(action, _ec2_arn(call, str(name)), tags) for name in members(call.params.get("Resources"))]
    if call.operation == "DeleteVpcEndpoints":
        return [Permission(action, _ec2_arn(call, str(name))) for name in members(call.params.get("VpcEndpointIds"))]
    tags = _specified_tags(call)
    first, *rest = [fill(_EC2 + template, call) for template in _EC2_RESOURCES.get(call.operation, ())] or ["*"]
    found = [Permission(action, first, tags), *(Permission(action, other) for other in rest)]
    if tags:
        found.append(Permission("ec2:CreateTags", first, {**tags, "ec2:createaction": (call.operation,)}))
    return found


def _specified_tags(call: Call) -> Keys:
    rows = [tag for one in members(call.params.get("TagSpecifications")) for tag in members(one.get("Tags"))]
    return tag_keys({str(row["Key"]): str(row.get("Value", "")) for row in rows})


def _ec2_arn(call: Call, identifier: str) -> str:
    kind = _EC2_KINDS.get(identifier.partition("-")[0], "*")
    return fill(_EC2, call) + f"{kind}/{identifier}"


MAPPERS: Mapping[str, Mapper] = {
    function.__name__.replace("_", "-"): function
    for function in (
        *(iam, ec2, sts, sagemaker, eks, eks_auth, logs, cloudwatch, service_quotas, scheduler, events, sqs, sns),
    )
}
"""The function of each service, by botocore's name of the service."""
