"""The ids of AWS objects whose creation was interrupted: known from planned names, or found by tags and other properties.

The inputs of a pending creation have passed the provider's check, so that they contain the final name and all tags. An id
that is known from a name alone does not say whether the object exists: a refresh finds that out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

Inputs = Mapping[str, Any]
Connect = Callable[[str], Any]
"""Gives the boto3 client of a service."""

REPEATABLE: Final = frozenset(
    {
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:sns/topic:Topic",
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:sqs/queue:Queue",
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch",
    }
)
"""Types whose creation may be repeated: the second creation finds the object of the first, and overwrites it."""

_GATEWAY_STATES_GONE: Final = frozenset({"deleted", "deleting"})


def identify(kind: str, inputs: Inputs, connect: Connect) -> str | None:
    """The id of the object that a creation may have left.

    Args:
        kind: the type's token, such as `aws:ec2/vpc:Vpc`.
        inputs: the planned inputs, without secrets' wrappers.
        connect: returns boto3 clients of the stack's account and region.

    Returns:
        The id as Pulumi's provider writes it; None if the object does not exist, or if its creation may be repeated.

    Raises:
        botocore.exceptions.ClientError: the caller may not look the object up.
    """
    if kind in REPEATABLE:
        return None
    if kind.startswith("kubernetes:"):
        return _kubernetes(kind, inputs)
    if kind in _NAMED:
        return _NAMED[kind](inputs)
    if kind in _SEARCHED:
        return _SEARCHED[kind](inputs, connect)
    return None


def await_made(kind: str, inputs: Inputs, connect: Connect) -> None:
    """Wait while AWS is still creating the object; it also returns if that fails, or if there is no such object."""
    if kind not in _WAITERS:
        return
    service, waiter, arguments = _WAITERS[kind]
    try:
        connect(service).get_waiter(waiter).wait(**{name: inputs[key] for name, key in arguments.items()})
    except (WaiterError, ClientError):
        return  # the refresh that follows finds out what exists


def _kubernetes(kind: str, inputs: Inputs) -> str | None:
    named = inputs if kind.startswith("kubernetes:helm.sh/") else inputs.get("metadata") or {}
    name = named.get("name")
    namespace = named.get("namespace")
    return f"{namespace}/{name}" if name and namespace else name


_NAMED: Final[Mapping[str, Callable[[Inputs], str]]] = {
    "aws:eks/accessEntry:AccessEntry": lambda i: f"{i['clusterName']}:{i['principalArn']}",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": lambda i: (
        f"{i['clusterName']}#{i['principalArn']}#{i['policyArn']}"
    ),
    "aws:eks/addon:Addon": lambda i: f"{i['clusterName']}:{i['addonName']}",
    "aws:eks/capability:Capability": lambda i: f"{i['clusterName']},{i['capabilityName']}",
    "aws:eks/cluster:Cluster": lambda i: i["name"],
    "aws:eks/nodeGroup:NodeGroup": lambda i: f"{i['clusterName']}:{i['nodeGroupName']}",
    "aws:iam/role:Role": lambda i: i["name"],
    "aws:s3/bucket:Bucket": lambda i: i["bucket"],
    "aws:sagemaker/model:Model": lambda i: i["name"],
    "aws:scheduler/schedule:Schedule": lambda i: f"{i['groupName']}/{i['name']}",
    "aws:scheduler/scheduleGroup:ScheduleGroup": lambda i: i["name"],
}


def _by_tags(service_list: str, key: str, identifier: str, **also: str) -> Callable[[Inputs, Connect], str | None]:
    """A search in EC2 by all planned tags, and by further filters whose values are inputs."""

    def search(inputs: Inputs, connect: Connect) -> str | None:
        tags = inputs.get("tagsAll") or inputs.get("tags") or {}
        if not tags:
            return None
        wanted = {**{f"tag:{name}": value for name, value in tags.items()}, **{k: inputs[v] for k, v in also.items()}}
        found = getattr(connect("ec2"), service_list)(Filters=_filters(wanted))[key]
        alive = [each for each in found if str(each.get("State", "")).lower() not in _GATEWAY_STATES_GONE]
        return alive[0][identifier] if len(alive) == 1 else None

    return search


def _filters(wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in wanted.items()]


def _route(inputs: Inputs, connect: Connect) -> str | None:
    table, destination = inputs["routeTableId"], inputs["destinationCidrBlock"]
    (found,) = connect("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
    if not any(route.get("DestinationCidrBlock") == destination for route in found["Routes"]):
        return None
    return f"r-{table}{zlib.crc32(destination.encode())}"  # the id that the provider makes


def _route_table_association(inputs: Inputs, connect: Connect) -> str | None:
    filters = [{"Name": "association.subnet-id", "Values": [inputs["subnetId"]]}]
    for table in connect("ec2").describe_route_tables(Filters=filters)["RouteTables"]:
        for association in table["Associations"]:
            if association.get("SubnetId") == inputs["subnetId"] and table["RouteTableId"] == inputs["routeTableId"]:
                return association["RouteTableAssociationId"]
    return None


def _pod_identity_association(inputs: Inputs, connect: Connect) -> str | None:
    answer = connect("eks").list_pod_identity_associations(
        clusterName=inputs["clusterName"], namespace=inputs["namespace"], serviceAccount=inputs["serviceAccount"]
    )
    return next((entry["associationId"] for entry in answer["associations"]), None)


def _iam_policy(inputs: Inputs, connect: Connect) -> str | None:
    pages = connect("iam").get_paginator("list_policies").paginate(Scope="Local")
    found = (policy for page in pages for policy in page["Policies"])
    return next((policy["Arn"] for policy in found if policy["PolicyName"] == inputs["name"]), None)


def _openid_connect_provider(inputs: Inputs, connect: Connect) -> str | None:
    end = f":oidc-provider/{inputs['url'].removeprefix('https://')}"
    found = connect("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return next((entry["Arn"] for entry in found if entry["Arn"].endswith(end)), None)


_SEARCHED: Final[Mapping[str, Callable[[Inputs, Connect], str | None]]] = {
    "aws:ec2/internetGateway:InternetGateway": _by_tags(
        "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    "aws:ec2/route:Route": _route,
    "aws:ec2/routeTable:RouteTable": _by_tags("describe_route_tables", "RouteTables", "RouteTableId", vpc_id="vpcId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _route_table_association,
    "aws:ec2/subnet:Subnet": _by_tags("describe_subnets", "Subnets", "SubnetId", vpc_id="vpcId"),
    "aws:ec2/vpc:Vpc": _by_tags("describe_vpcs", "Vpcs", "VpcId", cidr="cidrBlock"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _by_tags(
        "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", vpc_id="vpcId", service_name="serviceName"
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_identity_association,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _openid_connect_provider,
    "aws:iam/policy:Policy": _iam_policy,
}

_WAITERS: Final[Mapping[str, tuple[str, str, Mapping[str, str]]]] = {
    "aws:eks/addon:Addon": ("eks", "addon_active", {"clusterName": "clusterName", "addonName": "addonName"}),
    "aws:eks/cluster:Cluster": ("eks", "cluster_active", {"name": "name"}),
    "aws:eks/nodeGroup:NodeGroup": (
        "eks",
        "nodegroup_active",
        {"clusterName": "clusterName", "nodegroupName": "nodeGroupName"},
    ),
}

KNOWN: Final = REPEATABLE | _NAMED.keys() | _SEARCHED.keys()
"""Every type whose interrupted creation is resolved here, besides the objects of a cluster."""
