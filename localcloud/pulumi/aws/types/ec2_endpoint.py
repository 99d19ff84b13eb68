"""VPC endpoints and the VPC's default security group."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Update
from localcloud.pulumi.aws.types.ec2_common import Ec2Api, filters, tag
from localcloud.pulumi.wire import Properties, names

# Endpoint

_ENDPOINT = Ec2Api(
    token="aws:ec2/vpcEndpoint:VpcEndpoint",
    calls=("CreateVpcEndpoint", "DescribeVpcEndpoints", "DeleteVpcEndpoints"),
    noun="VpcEndpoint",
    resource="vpc-endpoint",
    key="VpcEndpoints",
    gone=("InvalidVpcEndpointId.NotFound",),
    names={"id": "VpcEndpointIds", "policy": "PolicyDocument"},
    settling={"InvalidRouteTableId.NotFound": None, "InvalidVpcId.NotFound": None},
    settling_seconds=10,
)
_MEMBERS = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}


def _create_endpoint(cloud: Cloud, inputs: Properties) -> str:
    private = None if inputs["vpcEndpointType"] == "Gateway" else inputs.get("privateDnsEnabled", False)
    return _ENDPOINT.create(cloud, {**inputs, "privateDnsEnabled": private})


def _state(cloud: Cloud, identity: str) -> str:
    return (_ENDPOINT.found(cloud, identity) or {"State": "deleted"}).get("State", "").lower()


def _await_endpoint(cloud: Cloud, identity: str, inputs: Properties) -> None:
    cloud.wait(
        f"VPC endpoint {identity}",
        lambda: _state(cloud, identity),
        until={"available", "pendingacceptance"},
        failed={"rejected", "failed", "expired"},
        seconds=600,
    )


def _read_endpoint(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _ENDPOINT.found(cloud, identity)
    if found is None or found.get("State", "").lower() == "deleted":
        return None
    gateway = found.get("VpcEndpointType", "Gateway") == "Gateway"
    return {
        "dnsOptions": {"dnsRecordIpType": ""},
        **_ENDPOINT.outputs(cloud, identity, found),
        "serviceRegion": found.get("ServiceRegion") or cloud.region,
        "state": found.get("State", "").lower(),
        "policy": found.get("PolicyDocument") or known.get("policy") or "",
        "securityGroupIds": [group["GroupId"] for group in found.get("Groups") or []],
        **(_prefix_list(cloud, found["ServiceName"]) if gateway else {"prefixListId": "", "cidrBlocks": []}),
    }


def _prefix_list(cloud: Cloud, service: str) -> Properties:
    found = cloud.ec2("DescribePrefixLists", Filters=filters({"prefix-list-name": service}))["PrefixLists"]
    first = found[0] if found else {}
    return {"prefixListId": first.get("PrefixListId", ""), "cidrBlocks": first.get("Cidrs") or []}


def _update_endpoint(cloud: Cloud, update: Update) -> None:
    parameters: dict[str, Any] = {}
    for name, api in _MEMBERS.items():
        old, new = set(update.old.get(name) or []), set(update.new.get(name) or [])
        parameters[f"Add{api}"] = sorted(new - old) or None
        parameters[f"Remove{api}"] = sorted(old - new) or None
    if "policy" in update.changed:
        parameters["PolicyDocument"] = update.new.get("policy")
        parameters["ResetPolicy"] = None if "policy" in update.new else True
    if "privateDnsEnabled" in update.changed:
        parameters["PrivateDnsEnabled"] = update.new.get("privateDnsEnabled", False)
    if any(value is not None for value in parameters.values()):
        cloud.ec2("ModifyVpcEndpoint", VpcEndpointId=update.identity, **parameters)


def _delete_endpoint(cloud: Cloud, identity: str, known: Properties) -> None:
    _ENDPOINT.delete(cloud, identity, known)
    cloud.wait(
        f"VPC endpoint {identity}",
        lambda: _state(cloud, identity),
        until={"deleted"},
        failed={"failed"},
        seconds=600,
    )


VPC_ENDPOINT = _ENDPOINT.type(
    create=_create_endpoint,
    read=_read_endpoint,
    update=_update_endpoint,
    delete=_delete_endpoint,
    ready=_await_endpoint,
    replaces=names("vpcId serviceName vpcEndpointType"),
    defaults={"vpcEndpointType": "Gateway"},
    documents=names("policy"),
    sets=names("routeTableIds subnetIds securityGroupIds"),
    unsupported=names(
        "autoAccept dnsOptions ipAddressType resourceConfigurationArn serviceNetworkArn serviceRegion subnetConfigurations"
    ),
    validate=lambda inputs: {} if "serviceName" in inputs else {"serviceName": "an endpoint needs a `serviceName`"},
)

# Default security group. AWS creates and deletes it with its VPC, so a program adopts it, and a deletion only forgets it.

_GROUP = Ec2Api(
    token="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    calls=("", "DescribeSecurityGroups", ""),
    noun="Group",
    resource="security-group",
    key="SecurityGroups",
    gone=("InvalidGroup.NotFound",),
    names={"name": "GroupName"},
)
_RULE_SETS = {"ingress": ("IpPermissions", "Ingress"), "egress": ("IpPermissionsEgress", "Egress")}


def _permission(rule: Properties, own_group: str) -> dict[str, Any]:
    groups = [{"GroupId": g} for g in rule.get("securityGroups") or []]
    if rule.get("self"):
        groups.append({"GroupId": own_group})
    described = {"Description": rule["description"]} if rule.get("description") else {}
    permission: dict[str, Any] = {
        "IpProtocol": rule["protocol"],
        "IpRanges": [{"CidrIp": c, **described} for c in rule.get("cidrBlocks") or []],
        "Ipv6Ranges": [{"CidrIpv6": c, **described} for c in rule.get("ipv6CidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": p, **described} for p in rule.get("prefixListIds") or []],
        "UserIdGroupPairs": [{**g, **described} for g in groups],
    }
    if rule["protocol"] != "-1":
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    return {name: value for name, value in permission.items() if value not in ([], None)}


def _rule(permission: Any, own_group: str) -> Properties:
    pairs = [pair["GroupId"] for pair in permission.get("UserIdGroupPairs", [])]
    members = [
        m for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs") for m in permission.get(key, [])
    ]
    return {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
        "cidrBlocks": [r["CidrIp"] for r in permission.get("IpRanges", [])],
        "ipv6CidrBlocks": [r["CidrIpv6"] for r in permission.get("Ipv6Ranges", [])],
        "prefixListIds": [p["PrefixListId"] for p in permission.get("PrefixListIds", [])],
        "securityGroups": [g for g in pairs if g != own_group],
        "self": own_group in pairs,
        "description": next((m["Description"] for m in members if m.get("Description")), ""),
    }


def _adopt_group(cloud: Cloud, inputs: Properties) -> str:
    vpc = inputs.get("vpcId") or _default_vpc(cloud)
    found = cloud.ec2("DescribeSecurityGroups", Filters=filters({"vpc-id": vpc, "group-name": "default"}))
    identity: str = found["SecurityGroups"][0]["GroupId"]
    tag(cloud, identity, {}, inputs.get("tagsAll") or {}, [])
    _set_rules(cloud, identity, inputs)
    return identity


def _default_vpc(cloud: Cloud) -> str:
    return cloud.ec2("DescribeVpcs", Filters=filters({"is-default": "true"}))["Vpcs"][0]["VpcId"]


def _set_rules(cloud: Cloud, identity: str, inputs: Properties) -> None:
    """Keep exactly the program's rules, and so remove those that AWS created with the group."""
    found = _GROUP.found(cloud, identity)
    for name, (key, direction) in _RULE_SETS.items():
        wanted = [_permission(rule, identity) for rule in inputs.get(name) or []]
        present = [_permission(_rule(p, identity), identity) for p in found.get(key, [])]
        surplus, missing = [p for p in present if p not in wanted], [p for p in wanted if p not in present]
        if surplus:
            cloud.ec2(f"RevokeSecurityGroup{direction}", GroupId=identity, IpPermissions=surplus)
        if missing:
            cloud.ec2(f"AuthorizeSecurityGroup{direction}", GroupId=identity, IpPermissions=missing)


def _read_group(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _GROUP.found(cloud, identity)
    return found and {
        **_GROUP.outputs(cloud, identity, found),
        **{name: [_rule(p, identity) for p in found.get(key, [])] for name, (key, _) in _RULE_SETS.items()},
    }


def _update_group(cloud: Cloud, update: Update) -> None:
    if {"ingress", "egress"} & update.changed:
        _set_rules(cloud, update.identity, update.new)


def _forget_group(cloud: Cloud, identity: str, known: Properties) -> None:
    """The group is deleted with its VPC."""


DEFAULT_SECURITY_GROUP = _GROUP.type(
    create=_adopt_group,
    read=_read_group,
    update=_update_group,
    delete=_forget_group,
    replaces=names("vpcId"),
    defaults={"revokeRulesOnDelete": False},
    sets=names(
        "ingress egress ingress.cidrBlocks egress.cidrBlocks ingress.ipv6CidrBlocks egress.ipv6CidrBlocks "
        "ingress.securityGroups egress.securityGroups"
    ),
)

TYPES = (
    VPC_ENDPOINT,
    DEFAULT_SECURITY_GROUP,
)
