"""The functions that read existing resources which the program did not create."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import ResourceType
from localcloud.pulumi.aws.types import ec2_common as ec2
from localcloud.pulumi.aws.types.ec2_vpc import SUBNET, VPC
from localcloud.pulumi.aws.types.eks_cluster import CLUSTER
from localcloud.pulumi.aws.types.iam import POLICY
from localcloud.pulumi.errors import Failure, InputsError
from localcloud.pulumi.wire import Properties, names

Function = Callable[[Cloud, Properties], Properties]


def _clusters(cloud: Cloud, arguments: Properties) -> Properties:
    answer = cloud.eks("ListClusters")
    found = list[str](answer["clusters"])
    while token := answer.get("nextToken"):
        answer = cloud.eks("ListClusters", nextToken=token)
        found += answer["clusters"]
    return {**arguments, **_where(cloud, cloud.region), "names": found}


def _looked_up(kind: ResourceType, argument: str, missing: str, outputs: str) -> Function:
    """Some outputs of an object that is found by one argument."""

    def function(cloud: Cloud, arguments: Properties) -> Properties:
        identity = _needed(arguments, argument)
        found = kind.read(cloud, identity, {})
        if found is None:
            raise refusal(argument, missing.format(identity))
        return {name: found[name] for name in names(outputs) & found.keys()} | _where(cloud, identity)

    return function


def _listing(operation: str, member: str, identity: str) -> Function:
    """Ids of the EC2 objects that pass the filters; an empty list if there are none."""

    def function(cloud: Cloud, arguments: Properties) -> Properties:
        wanted = [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]
        wanted += ec2.filters({f"tag:{key}": value for key, value in (arguments.get("tags") or {}).items()})
        found = cloud.ec2(operation, Filters=wanted or None)[member]
        return {**arguments, **_where(cloud, cloud.region), "ids": sorted(row[identity] for row in found)}

    return function


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


def _where(cloud: Cloud, identity: str) -> Properties:
    return {"id": identity, "region": cloud.region}


def _needed(arguments: Properties, name: str) -> str:
    """The only argument that these functions support here; the official plugin supports others as well."""
    others = [key for key in arguments if key not in {name, "region"}]
    if others or not arguments.get(name):
        raise refusal(name, f"the local cloud looks these up by `{name}` alone")
    return str(arguments[name])


def refusal(name: str, reason: str) -> InputsError:
    """An error about one argument of a function."""
    return InputsError(reason, [Failure(name, reason)])


FUNCTIONS: Mapping[str, Function] = {
    "aws:eks/getClusters:getClusters": _clusters,
    "aws:eks/getCluster:getCluster": _looked_up(
        CLUSTER,
        "name",
        "couldn't find resource: there is no EKS cluster {!r}",
        "arn createdAt deletionProtection endpoint name platformVersion roleArn status version",
    ),
    "aws:ec2/getVpcs:getVpcs": _listing("DescribeVpcs", "Vpcs", "VpcId"),
    "aws:ec2/getVpc:getVpc": _looked_up(
        VPC,
        "id",
        "no matching EC2 VPC found: {}",
        "arn cidrBlock enableDnsHostnames enableDnsSupport instanceTenancy mainRouteTableId ownerId tags",
    ),
    "aws:ec2/getSubnets:getSubnets": _listing("DescribeSubnets", "Subnets", "SubnetId"),
    "aws:ec2/getSubnet:getSubnet": _looked_up(
        SUBNET,
        "id",
        "no matching EC2 Subnet found: {}",
        "arn availabilityZone availabilityZoneId cidrBlock mapPublicIpOnLaunch ownerId tags vpcId",
    ),
    "aws:s3/getBucket:getBucket": _bucket,
    "aws:iam/getPolicy:getPolicy": _looked_up(
        POLICY,
        "arn",
        "couldn't find resource: there is no IAM policy {}",
        "arn attachmentCount description name path policy policyId tags",
    ),
}
