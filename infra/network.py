"""The network: a VPC in two zones with public subnets, and access to S3 at no cost.

There is no NAT gateway, which would cost more than the node. The one node has a public address, and its security group,
which EKS owns, allows no incoming traffic. S3 is reached through a gateway endpoint.

An existing VPC and its subnets (`existingVpcId`) are used as they are; their owner provides the routes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.account import ZONES_WITHOUT_EKS
from infra.settings import Settings

VPC_RANGE = "10.0.0.0/16"
SUBNET_RANGES = ("10.0.0.0/20", "10.0.16.0/20")


@dataclass(frozen=True)
class NetworkArgs:
    """Arguments of a network.

    Attributes:
        region: the region of the S3 endpoint, such as us-east-1.
        has_nodes: whether subnets have a route to the internet, which nodes need and a control plane does not.
        existing_vpc_id: a VPC to use as it is; empty to create one.
        existing_subnet_ids: subnets of that VPC, in two zones at least.
    """

    region: str
    has_nodes: bool = True
    existing_vpc_id: str = ""
    existing_subnet_ids: Sequence[str] = ()

    @classmethod
    def of(cls, settings: Settings) -> "NetworkArgs":
        return cls(settings.region, settings.has_nodes, settings.existing_vpc_id, settings.existing_subnet_ids)


class Network(pulumi.ComponentResource):
    """VPC, two public subnets, their routes to the internet, and the S3 gateway endpoint; nothing with an existing VPC."""

    vpc_id: pulumi.Output[str]
    subnet_ids: list[pulumi.Output[str]]
    routes: list[pulumi.Resource]
    """The resources that must exist before a node boots, and until the last node is gone."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Network", name, None, opts)
        self._name = name
        self._here = pulumi.ResourceOptions(parent=self)
        if args.existing_vpc_id:
            self.vpc_id = pulumi.Output.from_input(args.existing_vpc_id)
            self.subnet_ids = [pulumi.Output.from_input(subnet) for subnet in args.existing_subnet_ids]
            self.routes = []
        else:
            self._create(args)
        self.register_outputs({"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids})

    def _create(self, args: NetworkArgs) -> None:
        vpc = self._vpc()
        subnets = self._subnets(vpc, "public" if args.has_nodes else "private")
        self.vpc_id = vpc.id
        self.subnet_ids = [subnet.id for subnet in subnets]
        self.routes = self._routes(vpc, subnets, args.region) if args.has_nodes else []

    def _vpc(self) -> aws.ec2.Vpc:
        vpc = aws.ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=VPC_RANGE,
            enable_dns_hostnames=True,  # without both, nodes cannot register at a private endpoint
            enable_dns_support=True,
            tags={"Name": f"{self._name}-vpc"},
            opts=self._here,
        )
        # A default security group without rules: an object that is created without a security group has no network.
        aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default", vpc_id=vpc.id, tags={"Name": f"{self._name}-default"}, opts=self._here
        )
        return vpc

    def _routes(self, vpc: aws.ec2.Vpc, subnets: list[aws.ec2.Subnet], region: str) -> list[pulumi.Resource]:
        table, way_out = self._way_out(vpc)
        self._s3_endpoint(vpc, table, region)
        associations = [
            aws.ec2.RouteTableAssociation(
                f"{self._name}-public-{number}", route_table_id=table.id, subnet_id=subnet.id, opts=self._here
            )
            for number, subnet in enumerate(subnets)
        ]
        return [way_out, *associations]

    def _way_out(self, vpc: aws.ec2.Vpc) -> tuple[aws.ec2.RouteTable, aws.ec2.Route]:
        tags = {"Name": f"{self._name}-public"}
        gateway = aws.ec2.InternetGateway(f"{self._name}-internet", vpc_id=vpc.id, tags=tags, opts=self._here)
        table = aws.ec2.RouteTable(f"{self._name}-public", vpc_id=vpc.id, tags=tags, opts=self._here)
        route = aws.ec2.Route(
            f"{self._name}-way-out",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self._here,
        )
        return table, route

    def _subnets(self, vpc: aws.ec2.Vpc, kind: str) -> list[aws.ec2.Subnet]:
        zones = aws.get_availability_zones_output(
            state="available",
            exclude_zone_ids=ZONES_WITHOUT_EKS,
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        return [
            aws.ec2.Subnet(
                f"{self._name}-{kind}-{number}",
                vpc_id=vpc.id,
                cidr_block=cidr,
                availability_zone=zones.names[number],
                map_public_ip_on_launch=kind == "public",  # a managed node group refuses public subnets without it
                tags={"Name": f"{self._name}-{kind}-{number}"},
                opts=self._here,
            )
            for number, cidr in enumerate(SUBNET_RANGES)
        ]

    def _s3_endpoint(self, vpc: aws.ec2.Vpc, table: aws.ec2.RouteTable, region: str) -> None:
        aws.ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id],
            tags={"Name": f"{self._name}-s3"},
            opts=self._here,
        )
