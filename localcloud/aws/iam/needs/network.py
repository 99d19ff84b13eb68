"""Permissions of EC2 for networks. Every resource of a call must be allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Keys, Need, fill, members, tag_keys
from localcloud.aws.protocol.wire import Call

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
