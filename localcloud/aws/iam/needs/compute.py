"""Permissions of EC2 for networks, of EKS and of SageMaker. Every resource of a call must be allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs import (
    CAPABILITIES_SERVICE,
    EKS_SERVICE,
    PODS_SERVICE,
    SAGEMAKER_SERVICE,
    Keys,
    Need,
    fill,
    members,
    pass_role,
    tag_keys,
    tags_of,
)
from localcloud.aws.protocol.wire import Call
from localcloud.aws.sagemaker.store import model_arn, transform_job_arn

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
# Operation -> the resources it acts on. A resource that is being created has no id: `*`.
_RESOURCES: Mapping[str, tuple[str, ...]] = {
    "CreateVpc": ("vpc/*",),
    "DeleteVpc": ("vpc/{VpcId}",),
    "ModifyVpcAttribute": ("vpc/{VpcId}",),
    "CreateSubnet": ("subnet/*", "vpc/{VpcId}"),
    "DeleteSubnet": ("subnet/{SubnetId}",),
    "ModifySubnetAttribute": ("subnet/{SubnetId}",),
    "CreateInternetGateway": ("internet-gateway/*",),
    "DeleteInternetGateway": ("internet-gateway/{InternetGatewayId}",),
    "AttachInternetGateway": ("internet-gateway/{InternetGatewayId}", "vpc/{VpcId}"),
    "DetachInternetGateway": ("internet-gateway/{InternetGatewayId}", "vpc/{VpcId}"),
    "CreateRouteTable": ("route-table/*", "vpc/{VpcId}"),
    "DeleteRouteTable": ("route-table/{RouteTableId}",),
    "CreateRoute": ("route-table/{RouteTableId}",),
    "ReplaceRoute": ("route-table/{RouteTableId}",),
    "DeleteRoute": ("route-table/{RouteTableId}",),
    "AssociateRouteTable": ("route-table/{RouteTableId}", "subnet/{SubnetId}"),
    "DisassociateRouteTable": ("route-table/*",),
    "CreateVpcEndpoint": ("vpc-endpoint/*", "vpc/{VpcId}"),
    "ModifyVpcEndpoint": ("vpc-endpoint/{VpcEndpointId}",),
    "CreateSecurityGroup": ("security-group/*", "vpc/{VpcId}"),
    "DeleteSecurityGroup": ("security-group/{GroupId}",),
    "AuthorizeSecurityGroupIngress": ("security-group/{GroupId}",),
    "AuthorizeSecurityGroupEgress": ("security-group/{GroupId}",),
    "RevokeSecurityGroupIngress": ("security-group/{GroupId}",),
    "RevokeSecurityGroupEgress": ("security-group/{GroupId}",),
}
# By the letters before the dash of an id.
_KINDS = {
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


def sagemaker(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"sagemaker:{call.operation}"
    if call.operation in {"AddTags", "DeleteTags", "ListTags"}:
        keys = tag_keys(tags_of(call))
        return [Need(action, str(call.params.get("ResourceArn") or "*"), keys)]
    if call.operation not in (*_ON_JOBS, *_ON_MODELS):
        return [Need(action, "*")]
    resource = _sagemaker_resource(call)
    tags = tag_keys(tags_of(call))
    found = [Need(action, resource, {**_job_keys(call), **tags})]
    if tags:
        found.append(Need("sagemaker:AddTags", resource, tags))
    if call.operation == "CreateModel" and call.params.get("ExecutionRoleArn"):
        found.append(pass_role(str(call.params["ExecutionRoleArn"]), SAGEMAKER_SERVICE))
    return found


def _sagemaker_resource(call: Call) -> str:
    if call.operation in _ON_JOBS:
        name = str(call.params.get("TransformJobName") or "*")
        return transform_job_arn(call.region, call.principal.account_id, name)
    return model_arn(call.region, call.principal.account_id, str(call.params.get("ModelName") or "*"))


def _job_keys(call: Call) -> Keys:
    keys: Keys = {}
    resources = call.params.get("TransformResources") or {}
    if resources.get("InstanceType"):
        keys["sagemaker:instancetypes"] = (str(resources["InstanceType"]),)
    if resources.get("VolumeKmsKeyId"):
        keys["sagemaker:volumekmskey"] = (str(resources["VolumeKmsKeyId"]),)
    output = call.params.get("TransformOutput") or {}
    if output.get("KmsKeyId"):
        keys["sagemaker:outputkmskey"] = (str(output["KmsKeyId"]),)
    if call.operation == "CreateTransformJob" and call.params.get("ModelName"):
        keys["sagemaker:modelarn"] = (model_arn(call.region, call.principal.account_id, str(call.params["ModelName"])),)
    if call.operation == "CreateModel":
        keys["sagemaker:networkisolation"] = ("true" if call.params.get("EnableNetworkIsolation") else "false",)
    return keys


def eks(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"eks:{call.operation}"
    if call.operation in {"TagResource", "UntagResource", "ListTagsForResource"}:
        return [Need(action, str(call.params.get("resourceArn") or "*"), tag_keys(tags_of(call)))]
    resource = _eks_resource(call)
    tags = tag_keys(tags_of(call))
    found = [Need(action, resource, {**tags, **_eks_keys(call)})]
    if tags and call.operation.startswith("Create"):
        found.append(Need("eks:TagResource", resource, tags))
    return [*found, *_eks_roles(call)]


def _eks_resource(call: Call) -> str:
    """The ARN of a call's resource; the creation of one is a permission on its cluster."""
    if call.params.get("clusterName"):
        named = (template for member, template in _EKS_RESOURCES if call.params.get(member))
        created = call.operation.startswith("Create")
        return fill(_EKS + (_IN_CLUSTER if created else next(named, _IN_CLUSTER)), call)
    return fill(f"{_EKS}cluster/{{name}}", call) if call.params.get("name") else "*"


def _eks_keys(call: Call) -> Keys:
    keys: Keys = {}
    for name in ("principalArn", "policyArn"):
        if call.params.get(name):
            keys[f"eks:{name.lower()}"] = (str(call.params[name]),)
    support = (call.params.get("upgradePolicy") or {}).get("supportType")
    if support:
        keys["eks:supporttype"] = (str(support),)
    return keys


def _eks_roles(call: Call) -> Sequence[Need]:
    if call.operation == "CreateCluster":
        return [pass_role(str(call.params.get("roleArn")), EKS_SERVICE)]
    if call.operation == "CreateNodegroup":
        return [pass_role(str(call.params.get("nodeRole")), EKS_SERVICE)]
    if call.operation in {"CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"} and call.params.get(
        "roleArn"
    ):
        role = str(call.params["roleArn"])
        return [Need("iam:GetRole", role), pass_role(role, PODS_SERVICE)]
    if call.operation in {"CreateCapability", "UpdateCapability"} and call.params.get("roleArn"):
        return [pass_role(str(call.params["roleArn"]), CAPABILITIES_SERVICE)]
    if call.operation in {"CreateAddon", "UpdateAddon"}:
        roles = [row.get("roleArn") for row in members(call.params.get("podIdentityAssociations"))]
        found = [pass_role(str(role), PODS_SERVICE) for role in roles]
        role = call.params.get("serviceAccountRoleArn")
        return [*found, pass_role(str(role), EKS_SERVICE)] if role else found
    return []


def eks_auth(call: Call, _directory: Directory) -> Sequence[Need]:
    return [Need(f"eks-auth:{call.operation}", fill(_EKS + _IN_CLUSTER, call))]


def ec2(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"ec2:{call.operation}"
    if call.operation in {"CreateTags", "DeleteTags"}:
        tags = tag_keys({row["Key"]: row.get("Value", "") for row in members(call.params.get("Tags"))})
        return [Need(action, _arn(call, str(name)), tags) for name in members(call.params.get("Resources"))]
    if call.operation == "DeleteVpcEndpoints":
        return [Need(action, _arn(call, str(name))) for name in members(call.params.get("VpcEndpointIds"))]
    tags = _specified_tags(call)
    resources = [fill(_EC2 + template, call) for template in _RESOURCES.get(call.operation, ())] or ["*"]
    first, rest = resources[0], resources[1:]
    found = [Need(action, first, tags), *(Need(action, other) for other in rest)]
    if tags:
        found.append(Need("ec2:CreateTags", first, {**tags, "ec2:createaction": (call.operation,)}))
    return found


def _specified_tags(call: Call) -> Keys:
    rows = [tag for given in members(call.params.get("TagSpecifications")) for tag in members(given.get("Tags"))]
    return tag_keys({str(row["Key"]): str(row.get("Value", "")) for row in rows})


def _arn(call: Call, identifier: str) -> str:
    kind = _KINDS.get(identifier.partition("-")[0], "*")
    return fill(_EC2, call) + f"{kind}/{identifier}"
