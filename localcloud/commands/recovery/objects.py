"""The ids of AWS objects whose creation was interrupted: known from planned names, or found by tags and other properties.

The inputs of a pending creation have passed the provider's check, so that they contain the final name and all tags. An id
that is known from a name alone does not say whether the object exists: a refresh finds that out.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError
from botocore.waiter import WaiterModel, create_waiter_with_client

Inputs = Mapping[str, Any]
Connect = Callable[[str], Any]
"""Gives the boto3 client of a service."""

REPEATABLE: Final = frozenset(
    {
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:sns/topicSubscription:TopicSubscription",
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch",
    }
)
"""Types whose creation may be repeated: the second creation finds the object of the first, and overwrites it.

A part of another object is deleted with it: a destroy that does not find the part in the state still leaves nothing.
A role's policies are missing here because IAM deletes no role that has one, and so are the targets of a rule.
"""

_STATES_GONE: Final = frozenset({"deleted", "deleting"})


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
    if kind in _MADE_BY_EKS:
        _MADE_BY_EKS[kind].wait_until("active", inputs, connect("eks"))


def await_gone(kind: str, inputs: Inputs, connect: Connect) -> None:
    """Wait while AWS is still deleting the object; it returns at once if nothing is being deleted."""
    if kind in _MADE_BY_EKS and _MADE_BY_EKS[kind].status(inputs, connect("eks")) == "DELETING":
        _MADE_BY_EKS[kind].wait_until("deleted", inputs, connect("eks"))


def _kubernetes(kind: str, inputs: Inputs) -> str | None:
    named = inputs if kind.startswith("kubernetes:helm.sh/") else inputs.get("metadata") or {}
    name = named.get("name")
    namespace = named.get("namespace")
    return f"{namespace}/{name}" if name and namespace else name


def _rule(inputs: Inputs) -> str:
    bus = inputs.get("eventBusName") or "default"
    return inputs["name"] if bus == "default" else f"{bus}/{inputs['name']}"


def _rule_target(inputs: Inputs) -> str:
    bus = inputs.get("eventBusName") or "default"
    target = f"{inputs['rule']}-{inputs['targetId']}"
    return target if bus == "default" else f"{bus}-{target}"


_NAMED: Final[Mapping[str, Callable[[Inputs], str]]] = {
    "aws:cloudwatch/eventRule:EventRule": _rule,
    "aws:cloudwatch/eventTarget:EventTarget": _rule_target,
    "aws:eks/accessEntry:AccessEntry": lambda i: f"{i['clusterName']}:{i['principalArn']}",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": lambda i: (
        f"{i['clusterName']}#{i['principalArn']}#{i['policyArn']}"
    ),
    "aws:eks/addon:Addon": lambda i: f"{i['clusterName']}:{i['addonName']}",
    "aws:eks/capability:Capability": lambda i: f"{i['clusterName']},{i['capabilityName']}",
    "aws:eks/cluster:Cluster": lambda i: i["name"],
    "aws:eks/nodeGroup:NodeGroup": lambda i: f"{i['clusterName']}:{i['nodeGroupName']}",
    "aws:iam/role:Role": lambda i: i["name"],
    "aws:iam/rolePolicy:RolePolicy": lambda i: f"{i['role']}:{i['name']}",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda i: f"{i['role']}/{i['policyArn']}",
    "aws:s3/bucket:Bucket": lambda i: i["bucket"],
    "aws:sagemaker/model:Model": lambda i: i["name"],
    "aws:scheduler/schedule:Schedule": lambda i: f"{i.get('groupName', 'default')}/{i['name']}",
    "aws:scheduler/scheduleGroup:ScheduleGroup": lambda i: i["name"],
}


def _in_account(service: str, resource: Callable[[Inputs], str]) -> Callable[[Inputs, Connect], str]:
    """The ARN that an object of the account has by its planned name."""

    def arn(inputs: Inputs, connect: Connect) -> str:
        _, partition, _, _, account, _ = connect("sts").get_caller_identity()["Arn"].split(":", 5)
        region = "" if service == "iam" else connect(service).meta.region_name
        return f"arn:{partition}:{service}:{region}:{account}:{resource(inputs)}"

    return arn


_DESTINATIONS: Final = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}


def _by_tags(service_list: str, key: str, identifier: str, **also: str) -> Callable[[Inputs, Connect], str | None]:
    """A search in EC2 by all planned tags, and by further filters whose values are inputs."""

    def search(inputs: Inputs, connect: Connect) -> str | None:
        tags = inputs.get("tagsAll") or inputs.get("tags") or {}
        if not tags:
            return None
        wanted = {f"tag:{name}": value for name, value in tags.items()}
        wanted |= {name.replace("_", "-"): inputs[key] for name, key in also.items()}
        filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        found = getattr(connect("ec2"), service_list)(Filters=filters)[key]
        alive = [each for each in found if str(each.get("State", "")).lower() not in _STATES_GONE]
        return alive[0][identifier] if len(alive) == 1 else None

    return search


def _route(inputs: Inputs, connect: Connect) -> str | None:
    table = inputs["routeTableId"]
    kind = next(name for name in _DESTINATIONS if name in inputs)
    (found,) = connect("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
    if not any(route.get(_DESTINATIONS[kind]) == inputs[kind] for route in found["Routes"]):
        return None
    return f"r-{table}{zlib.crc32(inputs[kind].encode())}"  # the id that the provider makes


def _route_table_association(inputs: Inputs, connect: Connect) -> str | None:
    (table,) = connect("ec2").describe_route_tables(RouteTableIds=[inputs["routeTableId"]])["RouteTables"]
    kind = "subnetId" if "subnetId" in inputs else "gatewayId"
    key = {"subnetId": "SubnetId", "gatewayId": "GatewayId"}[kind]
    made = (each for each in table["Associations"] if each.get(key) == inputs[kind])
    return next((each["RouteTableAssociationId"] for each in made), None)


def _pod_identity_association(inputs: Inputs, connect: Connect) -> str | None:
    answer = connect("eks").list_pod_identity_associations(
        clusterName=inputs["clusterName"], namespace=inputs["namespace"], serviceAccount=inputs["serviceAccount"]
    )
    return next((entry["associationId"] for entry in answer["associations"]), None)


def _queue(inputs: Inputs, connect: Connect) -> str | None:
    sqs = connect("sqs")
    try:
        return sqs.get_queue_url(QueueName=inputs["name"])["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return None


_SEARCHED: Final[Mapping[str, Callable[[Inputs, Connect], str | None]]] = {
    "aws:ec2/internetGateway:InternetGateway": _by_tags(
        "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    "aws:ec2/route:Route": _route,
    "aws:ec2/routeTable:RouteTable": _by_tags("describe_route_tables", "RouteTables", "RouteTableId", vpc_id="vpcId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _route_table_association,
    "aws:ec2/subnet:Subnet": _by_tags(
        "describe_subnets", "Subnets", "SubnetId", vpc_id="vpcId", cidr_block="cidrBlock"
    ),
    "aws:ec2/vpc:Vpc": _by_tags("describe_vpcs", "Vpcs", "VpcId", cidr="cidrBlock"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _by_tags(
        "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", vpc_id="vpcId", service_name="serviceName"
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_identity_association,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _in_account(
        "iam", lambda i: f"oidc-provider/{i['url'].removeprefix('https://')}"
    ),
    "aws:iam/policy:Policy": _in_account("iam", lambda i: f"policy{i.get('path', '/')}{i['name']}"),
    "aws:sns/topic:Topic": _in_account("sns", lambda i: i["name"]),
    "aws:sqs/queue:Queue": _queue,
}


@dataclass(frozen=True)
class _MadeByEks:
    """A type whose objects EKS creates and deletes in the background.

    Attributes:
        noun: EKS's name of the type in operations and answers.
        arguments: the planned input for each argument of EKS's operations.
    """

    noun: str
    arguments: Mapping[str, str]

    def status(self, inputs: Inputs, eks: Any) -> str | None:
        """The object's status; None if there is no such object."""
        try:
            return getattr(eks, f"describe_{self.noun}")(**self._named(inputs))[self.noun]["status"]
        except ClientError:
            return None

    def wait_until(self, state: str, inputs: Inputs, eks: Any) -> None:
        """Wait until the object is `active` or `deleted`; the refresh that follows finds out what exists."""
        name = f"{self.noun}_{state}"
        known = name in eks.waiter_names
        waiter = eks.get_waiter(name) if known else create_waiter_with_client(name, _MORE, eks)
        with contextlib.suppress(WaiterError, ClientError):
            waiter.wait(**self._named(inputs), WaiterConfig={"Delay": _DELAY_SECONDS, "MaxAttempts": _ATTEMPTS})

    def _named(self, inputs: Inputs) -> dict[str, Any]:
        return {name: inputs[key] for name, key in self.arguments.items()}


_MADE_BY_EKS: Final[Mapping[str, _MadeByEks]] = {
    "aws:eks/addon:Addon": _MadeByEks("addon", {"clusterName": "clusterName", "addonName": "addonName"}),
    "aws:eks/capability:Capability": _MadeByEks(
        "capability", {"clusterName": "clusterName", "capabilityName": "capabilityName"}
    ),
    "aws:eks/cluster:Cluster": _MadeByEks("cluster", {"name": "name"}),
    "aws:eks/nodeGroup:NodeGroup": _MadeByEks(
        "nodegroup", {"clusterName": "clusterName", "nodegroupName": "nodeGroupName"}
    ),
}

_DELAY_SECONDS: Final = 5
_ATTEMPTS: Final = 240  # 20 minutes: EKS takes up to 15 for a cluster


def _capability_waiter(acceptors: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {
        "operation": "DescribeCapability",
        "delay": _DELAY_SECONDS,
        "maxAttempts": _ATTEMPTS,
        "acceptors": list(acceptors),
    }


def _status(status: str, state: str) -> Mapping[str, str]:
    return {"matcher": "path", "argument": "capability.status", "expected": status, "state": state}


_MORE: Final = WaiterModel(
    {
        "version": 2,
        "waiters": {
            "capability_active": _capability_waiter(
                [_status("ACTIVE", "success"), _status("DEGRADED", "failure"), _status("CREATE_FAILED", "failure")]
            ),
            "capability_deleted": _capability_waiter(
                [
                    {"matcher": "error", "expected": "ResourceNotFoundException", "state": "success"},
                    _status("DELETE_FAILED", "failure"),
                ]
            ),
        },
    }
)
"""Waiters that boto3 lacks."""

KNOWN: Final = REPEATABLE | _NAMED.keys() | _SEARCHED.keys()
"""Every type whose interrupted creation is resolved here, besides the objects of a cluster."""
