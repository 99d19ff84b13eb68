"""The VPC, its subnets and its internet gateway."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, ignore
from localcloud.pulumi.aws.resource import ResourceType, Update, names
from localcloud.pulumi.aws.types import ec2_common as ec2
from localcloud.pulumi.wire import Properties

_DEPENDENTS = {"DependencyViolation": None}
_DELETE_SECONDS = 300.0

# VPC

_VPC_ATTRIBUTES = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def _create_vpc(cloud: Cloud, inputs: Properties) -> str:
    made = cloud.ec2(
        "CreateVpc",
        CidrBlock=inputs["cidrBlock"],
        InstanceTenancy=inputs["instanceTenancy"],
        TagSpecifications=ec2.tag_specification("vpc", inputs),
    )
    identity = cloud.made(made["Vpc"]["VpcId"])
    cloud.wait(f"VPC {identity}", lambda: _vpc_state(cloud, identity), until={"available"}, seconds=300)
    defaults = {"enableDnsSupport": True, "enableDnsHostnames": False, "enableNetworkAddressUsageMetrics": False}
    _set_vpc_attributes(cloud, identity, {n: inputs[n] for n, v in defaults.items() if inputs.get(n, v) != v})
    return identity


def _vpc_state(cloud: Cloud, identity: str) -> str:
    found = _vpc(cloud, identity)
    return found.get("State", "available") if found else ""


def _vpc(cloud: Cloud, identity: str) -> Any:
    return ec2.described(cloud, "DescribeVpcs", "Vpcs", "VpcIds", identity, "InvalidVpcID.NotFound")


def _set_vpc_attributes(cloud: Cloud, identity: str, wanted: Properties) -> None:
    # AWS takes one attribute in each call.
    for name, value in wanted.items():
        cloud.ec2("ModifyVpcAttribute", VpcId=identity, **{_VPC_ATTRIBUTES[name]: {"Value": value}})


def _read_vpc(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _vpc(cloud, identity)
    if found is None:
        return None
    main = _first(cloud, "DescribeRouteTables", "RouteTables", {"vpc-id": identity, "association.main": "true"})
    acl = _first(cloud, "DescribeNetworkAcls", "NetworkAcls", {"vpc-id": identity, "default": "true"})
    group = _first(cloud, "DescribeSecurityGroups", "SecurityGroups", {"vpc-id": identity, "group-name": "default"})
    attributes = {
        name: cloud.ec2("DescribeVpcAttribute", VpcId=identity, Attribute=name)[api].get("Value", False)
        for name, api in _VPC_ATTRIBUTES.items()
    }
    return {
        **ec2.common(cloud, found, f"vpc/{identity}"),
        **attributes,
        "cidrBlock": found["CidrBlock"],
        "instanceTenancy": found.get("InstanceTenancy", "default"),
        "dhcpOptionsId": found.get("DhcpOptionsId", ""),
        "defaultRouteTableId": main.get("RouteTableId", ""),
        "mainRouteTableId": main.get("RouteTableId", ""),
        "defaultNetworkAclId": acl.get("NetworkAclId", ""),
        "defaultSecurityGroupId": group.get("GroupId", ""),
        "assignGeneratedIpv6CidrBlock": False,
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockNetworkBorderGroup": "",
    }


def _first(cloud: Cloud, operation: str, key: str, conditions: dict[str, str]) -> dict[str, Any]:
    found = cloud.ec2(operation, Filters=ec2.filters(conditions))[key]
    return found[0] if found else {}


def _update_vpc(cloud: Cloud, update: Update) -> None:
    _set_vpc_attributes(cloud, update.identity, {n: update.new[n] for n in _VPC_ATTRIBUTES if n in update.changed})


def _delete_vpc(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(
        lambda: cloud.retry(
            lambda: cloud.ec2("DeleteVpc", VpcId=identity), codes=_DEPENDENTS, seconds=cloud.timeout or _DELETE_SECONDS
        ),
        "InvalidVpcID.NotFound",
    )


VPC = ResourceType(
    token="aws:ec2/vpc:Vpc",
    create=_create_vpc,
    read=_read_vpc,
    update=_update_vpc,
    delete=_delete_vpc,
    tagger=ec2.tag,
    replaces=names("cidrBlock instanceTenancy"),
    defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    unsupported=names(
        "assignGeneratedIpv6CidrBlock ipv4IpamPoolId ipv4NetmaskLength ipv6CidrBlock ipv6CidrBlockNetworkBorderGroup "
        "ipv6IpamPoolId ipv6NetmaskLength"
    ),
    validate=lambda inputs: {} if "cidrBlock" in inputs else {"cidrBlock": "a VPC needs a `cidrBlock`"},
)

# Subnet

_SUBNET_SWITCHES = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "enableDns64": "EnableDns64",
}


def _create_subnet(cloud: Cloud, inputs: Properties) -> str:
    made = cloud.retry(
        lambda: cloud.ec2(
            "CreateSubnet",
            VpcId=inputs["vpcId"],
            CidrBlock=inputs["cidrBlock"],
            AvailabilityZone=inputs.get("availabilityZone"),
            AvailabilityZoneId=inputs.get("availabilityZoneId"),
            TagSpecifications=ec2.tag_specification("subnet", inputs),
        ),
        codes={"InvalidVpcID.NotFound": None},
        seconds=10,
    )
    identity = cloud.made(made["Subnet"]["SubnetId"])
    cloud.wait(f"subnet {identity}", lambda: _subnet_state(cloud, identity), until={"available"}, seconds=600)
    _set_subnet_switches(cloud, identity, {n: True for n in _SUBNET_SWITCHES if inputs.get(n)})
    return identity


def _subnet_state(cloud: Cloud, identity: str) -> str:
    found = _subnet(cloud, identity)
    return found.get("State", "available") if found else ""


def _subnet(cloud: Cloud, identity: str) -> Any:
    return ec2.described(cloud, "DescribeSubnets", "Subnets", "SubnetIds", identity, "InvalidSubnetID.NotFound")


def _set_subnet_switches(cloud: Cloud, identity: str, wanted: Properties) -> None:
    for name, value in wanted.items():
        cloud.ec2("ModifySubnetAttribute", SubnetId=identity, **{_SUBNET_SWITCHES[name]: {"Value": value}})


def _read_subnet(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _subnet(cloud, identity)
    if found is None:
        return None
    dns = found.get("PrivateDnsNameOptionsOnLaunch") or {}
    return {
        **ec2.common(cloud, found, f"subnet/{identity}"),
        **{name: bool(found.get(api)) for name, api in _SUBNET_SWITCHES.items()},
        "arn": found.get("SubnetArn") or cloud.arn("ec2", f"subnet/{identity}"),
        "vpcId": found["VpcId"],
        "cidrBlock": found["CidrBlock"],
        "availabilityZone": found["AvailabilityZone"],
        "availabilityZoneId": found.get("AvailabilityZoneId", ""),
        "privateDnsHostnameTypeOnLaunch": dns.get("HostnameType", "ip-name"),
        "enableResourceNameDnsARecordOnLaunch": dns.get("EnableResourceNameDnsARecord", False),
        "enableResourceNameDnsAaaaRecordOnLaunch": dns.get("EnableResourceNameDnsAAAARecord", False),
        "ipv6Native": bool(found.get("Ipv6Native")),
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociationId": "",
    }


def _update_subnet(cloud: Cloud, update: Update) -> None:
    wanted = {n: bool(update.new.get(n)) for n in _SUBNET_SWITCHES if n in update.changed}
    _set_subnet_switches(cloud, update.identity, wanted)


def _delete_subnet(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(
        lambda: cloud.retry(
            lambda: cloud.ec2("DeleteSubnet", SubnetId=identity),
            codes=_DEPENDENTS,
            seconds=cloud.timeout or _DELETE_SECONDS,
        ),
        "InvalidSubnetID.NotFound",
    )


SUBNET = ResourceType(
    token="aws:ec2/subnet:Subnet",
    create=_create_subnet,
    read=_read_subnet,
    update=_update_subnet,
    delete=_delete_subnet,
    tagger=ec2.tag,
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


def _create_gateway(cloud: Cloud, inputs: Properties) -> str:
    specification = ec2.tag_specification("internet-gateway", inputs)
    made = cloud.ec2("CreateInternetGateway", TagSpecifications=specification)
    identity = cloud.made(made["InternetGateway"]["InternetGatewayId"])
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
            codes=_DEPENDENTS,
            seconds=cloud.timeout or _DELETE_SECONDS,
        ),
        "Gateway.NotAttached",
        "InvalidInternetGatewayID.NotFound",
        "InvalidVpcID.NotFound",
    )


def _gateway(cloud: Cloud, identity: str) -> Any:
    gone = "InvalidInternetGatewayID.NotFound"
    return ec2.described(cloud, "DescribeInternetGateways", "InternetGateways", "InternetGatewayIds", identity, gone)


def _attached(found: Any) -> str:
    return next((a["VpcId"] for a in found.get("Attachments", []) if a.get("State") != "detached"), "")


def _read_gateway(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _gateway(cloud, identity)
    if found is None:
        return None
    return {**ec2.common(cloud, found, f"internet-gateway/{identity}"), "vpcId": _attached(found)}


def _update_gateway(cloud: Cloud, update: Update) -> None:
    if "vpcId" not in update.changed:
        return
    if before := _attached(_gateway(cloud, update.identity)):
        _detach(cloud, update.identity, before)
    if "vpcId" in update.new:
        _attach(cloud, update.identity, update.new["vpcId"])


def _delete_gateway(cloud: Cloud, identity: str, known: Properties) -> None:
    found = _gateway(cloud, identity)
    if found is None:
        return
    if vpc := _attached(found):
        _detach(cloud, identity, vpc)
    ignore(
        lambda: cloud.retry(
            lambda: cloud.ec2("DeleteInternetGateway", InternetGatewayId=identity), codes=_DEPENDENTS, seconds=60
        ),
        "InvalidInternetGatewayID.NotFound",
    )


INTERNET_GATEWAY = ResourceType(
    token="aws:ec2/internetGateway:InternetGateway",
    create=_create_gateway,
    read=_read_gateway,
    update=_update_gateway,
    delete=_delete_gateway,
    tagger=ec2.tag,
)
