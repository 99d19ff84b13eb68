"""The functions with which a program reads existing resources that it did not create."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.localcloud.pulumi.conftest import boto
from tests.localcloud.pulumi.engine import Failed, Plugin, Resource
from tests.localcloud.pulumi.world import allow

Client = Callable[[str], Any]


@pytest.fixture
def client(aws_endpoint: str) -> Client:
    """Gives boto3 clients of somebody else in the account."""
    return partial(boto, aws_endpoint)


def ask(aws: Plugin, token: str, **arguments: Any) -> dict[str, Any]:
    result, failures = aws.invoke(token, arguments)
    assert failures == {}
    return result


def only(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"name": name, "values": list(values)}]


def test_a_network_is_looked_up(aws: Plugin, client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/20", AvailabilityZone="us-east-1b")["Subnet"]
    assert ask(aws, "aws:ec2/getVpcs:getVpcs", filters=only("vpc-id", vpc, "vpc-00000000"))["ids"] == [vpc]
    assert ask(aws, "aws:ec2/getVpcs:getVpcs", filters=only("vpc-id", "vpc-00000000"))["ids"] == []
    before = ask(aws, "aws:ec2/getVpc:getVpc", id=vpc)
    assert (before["enableDnsSupport"], before["enableDnsHostnames"]) == (True, False)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert ask(aws, "aws:ec2/getVpc:getVpc", id=vpc)["enableDnsHostnames"] is True

    found = ask(aws, "aws:ec2/getSubnets:getSubnets", filters=only("subnet-id", made["SubnetId"], "subnet-00000000"))
    assert found["ids"] == [made["SubnetId"]]
    subnet = ask(aws, "aws:ec2/getSubnet:getSubnet", id=made["SubnetId"])
    assert (subnet["vpcId"], subnet["availabilityZone"]) == (vpc, "us-east-1b")
    assert subnet["availabilityZoneId"] == made["AvailabilityZoneId"]


def test_clusters_are_listed(aws: Plugin) -> None:
    assert isinstance(ask(aws, "aws:eks/getClusters:getClusters")["names"], list)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_bucket_tells_its_region(aws: Plugin, client: Client, region: str) -> None:
    name = f"given-in-{region}"
    abroad = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client("s3").create_bucket(Bucket=name, **abroad)
    assert ask(aws, "aws:s3/getBucket:getBucket", bucket=name)["bucketRegion"] == region


def test_a_policy_tells_the_document_of_its_default_version(aws: Plugin, client: Client) -> None:
    iam = client("iam")
    arn = iam.create_policy(PolicyName="limits", PolicyDocument=allow("s3:GetObject"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"), SetAsDefault=True)
    document = json.loads(ask(aws, "aws:iam/getPolicy:getPolicy", arn=arn)["policy"])
    assert document == json.loads(allow("s3:*"))


@pytest.mark.parametrize(
    ("token", "arguments", "reason"),
    [
        pytest.param("aws:ec2/getVpc:getVpc", {"id": "vpc-00000000"}, "no matching EC2 VPC found", id="VPC"),
        pytest.param("aws:ec2/getSubnet:getSubnet", {"id": "subnet-00000000"}, "no matching EC2 Subnet", id="subnet"),
        pytest.param("aws:eks/getCluster:getCluster", {"name": "none"}, "no EKS cluster 'none'", id="cluster"),
        pytest.param("aws:ec2/getVpc:getVpc", {"default": True}, "looks these up by `id` alone", id="another way"),
    ],
)
def test_an_object_that_does_not_exist_is_refused_by_name(
    aws: Plugin, token: str, arguments: dict[str, Any], reason: str
) -> None:
    result, failures = aws.invoke(token, arguments)
    assert result == {}
    assert any(reason in text for text in failures.values())


def test_an_import_says_the_form_of_the_id_that_it_needs(aws: Plugin) -> None:
    addon = Resource("aws:eks/addon:Addon", "vpc-cni", {}, "vpc-cni")
    with pytest.raises(
        Failed, match=r"'vpc-cni' is not an id of aws:eks/addon:Addon: it has the form clusterName:addonName"
    ):
        aws.read(addon)
