"""The VPC, its subnets and its internet gateway."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, ignore
from localcloud.pulumi.aws.resource import Update
from localcloud.pulumi.aws.types.ec2_common import DEPENDENTS, Ec2Api, filters
from localcloud.pulumi.wire import Properties, names

_DELETE_SECONDS = 300.0

# VPC

_VPC = Ec2Api(
    token="aws:ec2/vpc:Vpc",
    calls=("CreateVpc", "DescribeVpcs", "DeleteVpc"),
    noun="Vpc",
    resource="vpc",
    key="Vpcs",
    gone=("InvalidVpcID.NotFound",),
    names={"id": "VpcId"},
    busy=DEPENDENTS,
    busy_seconds=_DELETE_SECONDS,
)
_VPC_ATTRIBUTES = {"enableDnsSupport": True, "enableDnsHostnames": False, "enableNetworkAddressUsageMetrics": False}


def _create_vpc(cloud: Cloud, inputs: Properties) -> str:
    identity = _VPC.create(cloud, inputs)
    _VPC.await_available(cloud, identity, seconds=300)
    wanted = {name: inputs[name] for name, default in _VPC_ATTRIBUTES.items() if inputs.get(name, default) != default}
    _VPC.set_attributes(cloud, identity, wanted)
    return identity


def _read_vpc(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _VPC.read(cloud, identity, known)
    if found is None:
        return None
    main = _first(cloud, "DescribeRouteTables", "RouteTables", {"vpc-id": identity, "association.main": "true"})
    acl = _first(cloud, "DescribeNetworkAcls", "NetworkAcls", {"vpc-id": identity, "default": "true"})
    group = _first(cloud, "DescribeSecurityGroups", "SecurityGroups", {"vpc-id": identity, "group-name": "default"})
    return {
        **found,
        **{name: _vpc_attribute(cloud, identity, name) for name in _VPC_ATTRIBUTES},
        "defaultRouteTableId": main.get("RouteTableId", ""),
        "mainRouteTableId": main.get("RouteTableId", ""),
        "defaultNetworkAclId": acl.get("NetworkAclId", ""),
        "defaultSecurityGroupId": group.get("GroupId", ""),
        "assignGeneratedIpv6CidrBlock": False,
    }


def _first(cloud: Cloud, operation: str, key: str, conditions: dict[str, str]) -> dict[str, Any]:
    found = cloud.ec2(operation, Filters=filters(conditions))[key]
    return found[0] if found else {}


def _vpc_attribute(cloud: Cloud, identity: str, name: str) -> bool:
    answer = cloud.ec2("DescribeVpcAttribute", VpcId=identity, Attribute=name)
    return answer[f"{name[0].upper()}{name[1:]}"].get("Value", False)


def _update_vpc(cloud: Cloud, update: Update) -> None:
    wanted = {name: update.new.get(name, False) for name in _VPC_ATTRIBUTES if name in update.changed}
    _VPC.set_attributes(cloud, update.identity, wanted)


VPC = _VPC.type(
    create=_create_vpc,
    read=_read_vpc,
    update=_update_vpc,
    replaces=names("cidrBlock instanceTenancy"),
    defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    unsupported=names(
        "assignGeneratedIpv6CidrBlock ipv4IpamPoolId ipv4NetmaskLength ipv6CidrBlock ipv6CidrBlockNetworkBorderGroup "
        "ipv6IpamPoolId ipv6NetmaskLength"
    ),
    validate=lambda inputs: {} if "cidrBlock" in inputs else {"cidrBlock": "a VPC needs a `cidrBlock`"},
)

# Subnet

_SUBNET = Ec2Api(
    token="aws:ec2/subnet:Subnet",
    calls=("CreateSubnet", "DescribeSubnets", "DeleteSubnet"),
    noun="Subnet",
    resource="subnet",
    key="Subnets",
    gone=("InvalidSubnetID.NotFound",),
    names={"id": "SubnetId"},
    settling={"InvalidVpcID.NotFound": None},
    settling_seconds=10,
    busy=DEPENDENTS,
    busy_seconds=_DELETE_SECONDS,
)
_SUBNET_SWITCHES = ("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation", "enableDns64")


def _create_subnet(cloud: Cloud, inputs: Properties) -> str:
    identity = _SUBNET.create(cloud, inputs)
    _SUBNET.await_available(cloud, identity, seconds=600)
    _SUBNET.set_attributes(cloud, identity, {name: True for name in _SUBNET_SWITCHES if inputs.get(name)})
    return identity


def _read_subnet(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _SUBNET.read(cloud, identity, known)
    return found and {"privateDnsHostnameTypeOnLaunch": "ip-name", **found}


def _update_subnet(cloud: Cloud, update: Update) -> None:
    wanted = {name: bool(update.new.get(name)) for name in _SUBNET_SWITCHES if name in update.changed}
    _SUBNET.set_attributes(cloud, update.identity, wanted)


SUBNET = _SUBNET.type(
    create=_create_subnet,
    read=_read_subnet,
    update=_update_subnet,
    replaces=names("vpcId cidrBlock availabilityZone availabilityZoneId"),
    defaults={"mapPublicIpOnLaunch": False, "assignIpv6AddressOnCreation": False, "enableDns64": False},
    unsupported=names(
        "customerOwnedIpv4Pool enableLniAtDeviceIndex enableResourceNameDnsARecordOnLaunch "
        "enableResourceNameDnsAaaaRecordOnLaunch ipv4IpamPoolId ipv4NetmaskLength ipv6CidrBlock ipv6IpamPoolId ipv6Native "
        "ipv6NetmaskLength mapCustomerOwnedIpOnLaunch outpostArn privateDnsHostnameTypeOnLaunch"
    ),
    validate=lambda inputs: {} if "cidrBlock" in inputs else {"cidrBlock": "a subnet needs a `cidrBlock`"},
)

# Internet gateway

_GATEWAY = Ec2Api(
    token="aws:ec2/internetGateway:InternetGateway",
    calls=("CreateInternetGateway", "DescribeInternetGateways", "DeleteInternetGateway"),
    noun="InternetGateway",
    resource="internet-gateway",
    key="InternetGateways",
    gone=("InvalidInternetGatewayID.NotFound",),
    names={"id": "InternetGatewayId"},
    busy=DEPENDENTS,
)


def _create_gateway(cloud: Cloud, inputs: Properties) -> str:
    identity = _GATEWAY.create(cloud, inputs)
    if "vpcId" in inputs:
        _attach(cloud, identity, inputs["vpcId"])
    return identity


def _attach(cloud: Cloud, identity: str, vpc: str) -> None:
    cloud.retry(
        lambda: cloud.ec2("AttachInternetGateway", InternetGatewayId=identity, VpcId=vpc),
        codes={"InvalidInternetGatewayID.NotFound": None},
    )


def _detach(cloud: Cloud, identity: str, vpc: str) -> None:
    ignore(
        lambda: cloud.retry(
            lambda: cloud.ec2("DetachInternetGateway", InternetGatewayId=identity, VpcId=vpc),
            codes=DEPENDENTS,
            seconds=cloud.timeout or _DELETE_SECONDS,
        ),
        "Gateway.NotAttached",
        "InvalidInternetGatewayID.NotFound",
        "InvalidVpcID.NotFound",
    )


def _attached(found: Any) -> str:
    return next((a["VpcId"] for a in (found or {}).get("Attachments", []) if a.get("State") != "detached"), "")


def _read_gateway(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _GATEWAY.found(cloud, identity)
    return found and {**_GATEWAY.outputs(cloud, identity, found), "vpcId": _attached(found)}


def _update_gateway(cloud: Cloud, update: Update) -> None:
    if before := _attached(_GATEWAY.found(cloud, update.identity)):
        _detach(cloud, update.identity, before)
    if "vpcId" in update.new:
        _attach(cloud, update.identity, update.new["vpcId"])


def _delete_gateway(cloud: Cloud, identity: str, known: Properties) -> None:
    if vpc := _attached(_GATEWAY.found(cloud, identity)):
        _detach(cloud, identity, vpc)
    _GATEWAY.delete(cloud, identity, known)


INTERNET_GATEWAY = _GATEWAY.type(
    create=_create_gateway,
    read=_read_gateway,
    update=_update_gateway,
    delete=_delete_gateway,
)

TYPES = (
    VPC,
    SUBNET,
    INTERNET_GATEWAY,
)
