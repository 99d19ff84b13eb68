"""The functions that read existing resources which the program did not create."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.conversion import tag_map
from localcloud.pulumi.aws.types import ec2_common as ec2
from localcloud.pulumi.aws.types.ec2_vpc import SUBNET, VPC
from localcloud.pulumi.aws.types.eks_cluster import CLUSTER
from localcloud.pulumi.errors import Failure, InputsError
from localcloud.pulumi.wire import Properties

Function = Callable[[Cloud, Properties], Properties]


def _clusters(cloud: Cloud, arguments: Properties) -> Properties:
    names: list[str] = []
    page: dict[str, str] = {}
    while True:
        answer = cloud.eks("ListClusters", **page)
        names += answer["clusters"]
        if not answer.get("nextToken"):
            return {**arguments, "id": cloud.region, "region": cloud.region, "names": names}
        page = {"nextToken": answer["nextToken"]}


def _cluster(cloud: Cloud, arguments: Properties) -> Properties:
    name = _needed(arguments, "name")
    found = CLUSTER.read(cloud, name, {})
    if found is None:
        raise _refusal("name", f"couldn't find resource: there is no EKS cluster {name!r}")
    shown = ("arn", "createdAt", "deletionProtection", "endpoint", "name", "platformVersion", "roleArn", "version")
    return {key: found[key] for key in shown if key in found} | _where(cloud, name) | {"status": "ACTIVE"}


def _listing(operation: str, member: str, identity: str) -> Function:
    """Ids of the EC2 objects that pass the filters; an empty list if there are none."""

    def function(cloud: Cloud, arguments: Properties) -> Properties:
        wanted = [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]
        wanted += ec2.filters({f"tag:{key}": value for key, value in (arguments.get("tags") or {}).items()})
        found = cloud.ec2(operation, Filters=wanted or None)[member]
        return {**arguments, **_where(cloud, cloud.region), "ids": sorted(row[identity] for row in found)}

    return function


def _vpc(cloud: Cloud, arguments: Properties) -> Properties:
    identity = _needed(arguments, "id")
    found = VPC.read(cloud, identity, {})
    if found is None:
        raise _refusal("id", f"no matching EC2 VPC found: {identity}")
    shown = (
        "arn",
        "cidrBlock",
        "enableDnsHostnames",
        "enableDnsSupport",
        "instanceTenancy",
        "mainRouteTableId",
        "ownerId",
    )
    return (
        {key: found[key] for key in shown} | _where(cloud, identity) | {"state": "available", "tags": found["tagsAll"]}
    )


def _subnet(cloud: Cloud, arguments: Properties) -> Properties:
    identity = _needed(arguments, "id")
    found = SUBNET.read(cloud, identity, {})
    if found is None:
        raise _refusal("id", f"no matching EC2 Subnet found: {identity}")
    shown = ("arn", "availabilityZone", "availabilityZoneId", "cidrBlock", "mapPublicIpOnLaunch", "ownerId", "vpcId")
    return (
        {key: found[key] for key in shown} | _where(cloud, identity) | {"state": "available", "tags": found["tagsAll"]}
    )


def _bucket(cloud: Cloud, arguments: Properties) -> Properties:
    name = _needed(arguments, "bucket")
    cloud.s3("HeadBucket", Bucket=name)
    # S3 names no region for us-east-1.
    region = cloud.s3("GetBucketLocation", Bucket=name).get("LocationConstraint") or "us-east-1"
    return {
        **_where(cloud, name),
        "arn": f"arn:aws:s3:::{name}",
        "bucket": name,
        "bucketRegion": region,
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
    }


def _policy(cloud: Cloud, arguments: Properties) -> Properties:
    arn = _needed(arguments, "arn")
    found = cloud.iam("GetPolicy", PolicyArn=arn)["Policy"]
    version = cloud.iam("GetPolicyVersion", PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    return {
        "arn": arn,
        "id": arn,
        "attachmentCount": found.get("AttachmentCount", 0),
        "description": found.get("Description", ""),
        "name": found["PolicyName"],
        "path": found["Path"],
        "policy": _text(version["Document"]),
        "policyId": found["PolicyId"],
        "tags": tag_map(found.get("Tags")),
    }


def _text(document: Any) -> str:
    """A document as text; boto3 decodes what IAM sends percent-encoded into an object."""
    return unquote(document) if isinstance(document, str) else json.dumps(document)


def _where(cloud: Cloud, identity: str) -> Properties:
    return {"id": identity, "region": cloud.region}


def _needed(arguments: Properties, name: str) -> str:
    """The only argument that these functions support here; the official plugin supports others as well."""
    others = [key for key in arguments if key not in {name, "region"}]
    if others or not arguments.get(name):
        raise _refusal(name, f"the local cloud looks these up by `{name}` alone")
    return str(arguments[name])


def _refusal(name: str, reason: str) -> InputsError:
    return InputsError(reason, [Failure(name, reason)])


FUNCTIONS: Mapping[str, Function] = {
    "aws:eks/getClusters:getClusters": _clusters,
    "aws:eks/getCluster:getCluster": _cluster,
    "aws:ec2/getVpcs:getVpcs": _listing("DescribeVpcs", "Vpcs", "VpcId"),
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:ec2/getSubnets:getSubnets": _listing("DescribeSubnets", "Subnets", "SubnetId"),
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:s3/getBucket:getBucket": _bucket,
    "aws:iam/getPolicy:getPolicy": _policy,
}
