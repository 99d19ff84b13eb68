"""The objects that other objects need, created once for all tests through the plugin itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.localcloud.pulumi.engine import Plugin, Resource

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
BUCKET = "aws:s3/bucket:Bucket"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
CLUSTER = "aws:eks/cluster:Cluster"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def trust(*services: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": list(services)},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions: str, resource: str = "*") -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True)
class World:
    vpc: Resource
    other_vpc: Resource
    subnets: list[Resource]
    gateway: Resource
    table: Resource
    other_table: Resource
    bucket: Resource
    role: Resource
    policy: Resource
    cluster: Resource
    group_subnets: list[str]


def build(aws: Plugin) -> World:
    vpc = aws.create(VPC, "world", {"cidrBlock": "10.9.0.0/16"})
    other_vpc = aws.create(VPC, "other", {"cidrBlock": "10.8.0.0/16"})
    subnets = [
        aws.create(
            SUBNET,
            f"world-{zone}",
            {
                "vpcId": vpc.id,
                "cidrBlock": f"10.9.{index}.0/24",
                "availabilityZone": f"us-east-1{zone}",
                "mapPublicIpOnLaunch": True,
            },
        )
        for index, zone in enumerate("ab")
    ]
    gateway = aws.create(GATEWAY, "world", {"vpcId": vpc.id})
    table, second = (aws.create(TABLE, name, {"vpcId": vpc.id}) for name in ("world", "second"))
    aws.create("aws:ec2/route:Route", "world", default_route(table.id, gateway.id))
    bucket = aws.create(BUCKET, "world", {"forceDestroy": True})
    services = ("eks.amazonaws.com", "ec2.amazonaws.com", "sagemaker.amazonaws.com", "pods.eks.amazonaws.com")
    services += ("scheduler.amazonaws.com", "capabilities.eks.amazonaws.com")
    role = aws.create(ROLE, "world", {"assumeRolePolicy": trust(*services)})
    policy = aws.create(POLICY, "world", {"policy": allow("s3:GetObject")})
    aws.create(
        "aws:iam/rolePolicy:RolePolicy",
        "world-all",
        {"role": role.id, "policy": allow("s3:*", "ec2:*", "eks:*", "ecr:*", "eks-auth:*", "logs:*")},
    )
    aws.create("aws:sns/topic:Topic", "world", {"name": "subscribed"})
    aws.create("aws:cloudwatch/eventRule:EventRule", "world", {"name": "targeted", "eventPattern": '{"source": ["x"]}'})
    cluster = aws.create(CLUSTER, "world", cluster_inputs(role.outputs["arn"], [s.id for s in subnets]))
    return World(
        vpc, other_vpc, subnets, gateway, table, second, bucket, role, policy, cluster, [s.id for s in subnets]
    )


def default_route(table: str, gateway: str) -> dict[str, Any]:
    return {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway}


def cluster_inputs(role_arn: str, subnets: list[str]) -> dict[str, Any]:
    return {
        "roleArn": role_arn,
        "version": "1.35",
        "vpcConfig": {"subnetIds": subnets, "endpointPublicAccess": True, "endpointPrivateAccess": True},
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "upgradePolicy": {"supportType": "STANDARD"},
    }
