"""EC2's network: the stack's resources, and those that cannot be deleted while others depend on them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import REGION, Endpoint, eventually


@pytest.fixture
def vpc(aws: Endpoint) -> str:
    return aws.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]


def test_the_zones_of_the_region_are_there(aws: Endpoint) -> None:
    zones = aws.client("ec2").describe_availability_zones()["AvailabilityZones"]
    assert {f"{REGION}a", f"{REGION}b"} <= {zone["ZoneName"] for zone in zones}


def test_a_gateway_endpoint_adds_and_removes_its_route(aws: Endpoint, vpc: str) -> None:
    ec2 = aws.client("ec2")
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=[table]
    )["VpcEndpoint"]
    assert (made["State"], made["RouteTableIds"]) == ("available", [table])
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)

    def destinations() -> set[str | None]:
        routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return {route.get("DestinationPrefixListId") for route in routes}

    assert any(name and name.startswith("pl-") for name in destinations())
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    assert destinations() == {None}


def test_the_default_security_group_can_be_emptied_but_not_deleted(aws: Endpoint, vpc: str) -> None:
    ec2 = aws.client("ec2")
    where = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    group = ec2.describe_security_groups(Filters=where)["SecurityGroups"][0]
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    emptied = ec2.describe_security_groups(GroupIds=[group["GroupId"]])["SecurityGroups"][0]
    assert (emptied["IpPermissions"], emptied["IpPermissionsEgress"]) == ([], [])
    with pytest.raises(ClientError, match="CannotDelete"):
        ec2.delete_security_group(GroupId=group["GroupId"])
    ec2.delete_vpc(VpcId=vpc)


def test_a_vpc_stays_while_something_is_in_it(aws: Endpoint, vpc: str) -> None:
    ec2 = aws.client("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    for refused in (
        lambda: ec2.delete_vpc(VpcId=vpc),
        lambda: ec2.delete_internet_gateway(InternetGatewayId=gateway),
        lambda: ec2.delete_subnet(SubnetId=subnet),
        lambda: ec2.delete_security_group(GroupId=group),
    ):
        with pytest.raises(ClientError, match="DependencyViolation"):
            refused()
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_subnet(SubnetId=subnet)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_security_group(GroupId=group)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)


def test_a_gateway_stays_while_a_node_has_a_public_address(aws: Endpoint) -> None:
    eks, ec2, cluster = aws.client("eks"), aws.client("ec2"), aws.cluster()
    vpc = eks.describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["vpcId"])
    where = {"clusterName": cluster, "nodegroupName": "nodes"}
    eks.create_nodegroup(**where, subnets=vpc["subnetIds"], nodeRole=aws.node_role())
    eventually(lambda: eks.describe_nodegroup(**where)["nodegroup"]["status"] == "ACTIVE")
    with pytest.raises(ClientError, match="mapped public address"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["vpcId"])
    eks.delete_nodegroup(**where)
    eventually(lambda: eks.list_nodegroups(clusterName=cluster)["nodegroups"] == [])
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["vpcId"])


def test_the_instance_types_of_the_stack_are_known_and_others_are_not(aws: Endpoint) -> None:
    ec2 = aws.client("ec2")
    assert ec2.describe_instance_types(InstanceTypes=["t3.small"])["InstanceTypes"][0]["VCpuInfo"]["DefaultVCpus"] == 2
    with pytest.raises(ClientError, match="InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["p5.48xlarge"])
