"""The AWS account of the stack: its provider with default tags, and the objects in it that the stack uses.

The provider is explicit so that everything that can be tagged carries project and stack, whatever the stack's
config says; `make leftovers` finds by these tags the objects that a broken run left behind.

The names of the region and instance types, and an existing VPC with subnets, bucket or permissions boundary, are checked
before the first resource is created, also in a preview. None of them becomes a resource: destroy leaves them as they were.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.policies import Scope
from infra.problems import aws_message, misspelt, refuse
from infra.settings import Settings

ZONES_WITHOUT_EKS = ["use1-az3", "usw1-az2", "cac1-az3"]
# Without these a job completes, but publishes no metrics and does not remove the parts of an interrupted upload.
OPTIONAL_ACTIONS = {"cloudwatch:PutMetricData", "s3:AbortMultipartUpload"}


@dataclass(frozen=True)
class Account:
    """The provider to create with, and the scope of ARNs in this account."""

    provider: aws.Provider
    scope: pulumi.Output[Scope]
    tags: Mapping[str, str]
    """The tags of everything that can be tagged."""

    @property
    def options(self) -> pulumi.ResourceOptions:
        """Options of a component with all its children in this account."""
        return pulumi.ResourceOptions(providers=[self.provider])

    @property
    def invoke_options(self) -> pulumi.InvokeOptions:
        """Options of an invoke that the program waits for."""
        return pulumi.InvokeOptions(provider=self.provider)


def connect(settings: Settings) -> Account:
    """Return the account that the environment's credentials belong to."""
    tags = {"project": pulumi.get_project(), "stack": pulumi.get_stack()}
    provider = aws.Provider("aws", region=settings.region, default_tags=aws.ProviderDefaultTagsArgs(tags=tags))
    opts = pulumi.InvokeOutputOptions(provider=provider)
    identity = aws.get_caller_identity_output(opts=opts)
    partition = aws.get_partition_output(opts=opts)
    scope = pulumi.Output.all(partition.partition, identity.account_id).apply(
        lambda found: Scope(found[0], settings.region, found[1], settings.prefix)
    )
    return Account(provider, scope, tags)


def check_existing(settings: Settings, opts: pulumi.InvokeOptions) -> None:
    """Check the region, instance types, VPC, subnets, bucket and permissions boundary that the settings name.

    Raises:
        pulumi.RunError: one of them cannot be used; the text has one line for each problem.
    """
    checks = (_name_problems, _network_problems, _bucket_problems, _boundary_problems)
    refuse([problem for check in checks for problem in check(settings, opts)], "the settings")


def _name_problems(settings: Settings, _: pulumi.InvokeOptions) -> Iterator[str]:
    regions, types = ([one.value for one in kind] for kind in (aws.Region, aws.ec2.InstanceType))
    for key, name, known in (
        ("aws:region", settings.region, regions),
        ("nodeInstanceType", settings.node_instance_type, types),
        *(("allowedTransformInstanceTypes", kind, types) for kind in settings.allowed_transform_instance_types),
    ):
        bare = name.removeprefix("ml.")
        if meant := misspelt(bare, known):
            yield f"{key}: AWS has no '{name}'. Allowed: a name that AWS has; is {name.replace(bare, meant)} meant?"
        elif bare not in known:
            pulumi.log.warn(f"{key}: '{name}' is either wrong or newer than this program's list of names.")


def _network_problems(settings: Settings, opts: pulumi.InvokeOptions) -> Iterator[str]:
    if not settings.existing_vpc_id:
        return
    try:
        yield from _vpc_problems(settings.existing_vpc_id, settings.region, opts)
        yield from _subnet_problems(settings, opts)
    except Exception as error:  # noqa: BLE001  an invoke raises plain exceptions; each is reported as one problem
        yield f"existingVpcId: '{settings.existing_vpc_id}' cannot be read: {aws_message(error)}."


def _vpc_problems(vpc_id: str, region: str, opts: pulumi.InvokeOptions) -> Iterator[str]:
    if vpc_id not in aws.ec2.get_vpcs(filters=[{"name": "vpc-id", "values": [vpc_id]}], opts=opts).ids:
        yield f"existingVpcId: '{vpc_id}' is not in {region}. Allowed: a VPC of this account in the stack's region."
        return
    vpc = aws.ec2.get_vpc(id=vpc_id, opts=opts)
    if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
        yield f"existingVpcId: '{vpc_id}' does not resolve names. Allowed: a VPC with DNS support and DNS hostnames, which nodes need."


def _subnet_problems(settings: Settings, opts: pulumi.InvokeOptions) -> Iterator[str]:
    wanted, vpc_id = settings.existing_subnet_ids, settings.existing_vpc_id
    there = aws.ec2.get_subnets(filters=[{"name": "subnet-id", "values": list(wanted)}], opts=opts).ids
    if missing := [subnet for subnet in wanted if subnet not in there]:
        yield f"existingSubnetIds: {settings.region} has no {', '.join(missing)}. Allowed: subnets of {vpc_id}."
        return
    subnets = [aws.ec2.get_subnet(id=subnet, opts=opts) for subnet in wanted]
    if foreign := [f"{subnet.id} of {subnet.vpc_id}" for subnet in subnets if subnet.vpc_id != vpc_id]:
        yield f"existingSubnetIds: {', '.join(foreign)} is in another VPC. Allowed: subnets of {vpc_id} (existingVpcId)."
    if barred := [subnet.id for subnet in subnets if subnet.availability_zone_id in ZONES_WITHOUT_EKS]:
        yield f"existingSubnetIds: EKS is not in the zone of {', '.join(barred)}. Allowed: zones other than {', '.join(ZONES_WITHOUT_EKS)}."
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        yield "existingSubnetIds: all are in one zone. Allowed: subnets in two zones at least, which EKS requires."


def _bucket_problems(settings: Settings, opts: pulumi.InvokeOptions) -> Iterator[str]:
    name = settings.existing_bucket
    if not name:
        return
    try:
        region = aws.s3.get_bucket(bucket=name, opts=opts).bucket_region
    except Exception as error:  # noqa: BLE001  an invoke raises plain exceptions
        yield f"existingBucket: '{name}' cannot be read: {aws_message(error)}. Allowed: a bucket of this account in {settings.region}."
        return
    if region != settings.region:
        yield f"existingBucket: '{name}' is in {region}. Allowed: a bucket in {settings.region}, where SageMaker reads and writes."


def _boundary_problems(settings: Settings, opts: pulumi.InvokeOptions) -> Iterator[str]:
    arn = settings.permissions_boundary
    if not arn:
        return
    try:
        document = aws.iam.get_policy(arn=arn, opts=opts).policy
    except Exception as error:  # noqa: BLE001  an invoke raises plain exceptions
        if "AccessDenied" not in str(error):
            yield f"permissionsBoundary: '{arn}' cannot be read: {aws_message(error)}."
            return
        pulumi.log.warn(
            f"permissionsBoundary cannot be read, so that what it forbids shows only when a job runs: {aws_message(error)}."
        )
        return
    if barred := forbidden(document, _needed_actions(settings)):
        yield f"permissionsBoundary: '{arn}' forbids {', '.join(barred)}. Allowed: a policy that lets roles do what jobs need."


def _needed_actions(settings: Settings) -> list[str]:
    """Return the actions that every job needs: those of the operator's and the execution role's policies."""
    scope = Scope("aws", settings.region, "0" * 12, settings.prefix)
    images = [settings.model_image] if settings.model_image else []
    data = policies.Data("b", settings.input_buckets, settings.output_buckets, settings.kms_keys, images)
    operator = policies.operator(scope, settings.allowed_transform_instance_types, settings.kms_keys)
    statements = [*operator, *policies.execution(scope, data)]
    return list(dict.fromkeys(action for s in statements for action in s.actions if action not in OPTIONAL_ACTIONS))


def forbidden(document: str, actions: Iterable[str]) -> list[str]:
    """Return the actions that a boundary certainly forbids: allowed by no statement, or denied without a condition.

    Resources and conditions of an Allow are not evaluated, since what they allow shows when the job runs.
    """
    found = json.loads(document)["Statement"]
    statements: list[dict[str, Any]] = found if isinstance(found, list) else [found]
    allows = [statement for statement in statements if statement["Effect"] == "Allow"]
    denies = [
        s for s in statements if s["Effect"] == "Deny" and "*" in _list(s.get("Resource")) and not s.get("Condition")
    ]
    return [a for a in actions if not any(_names(s, a) for s in allows) or any(_names(s, a) for s in denies)]


def _names(statement: dict[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _matches(_list(statement["NotAction"]), action)
    return _matches(_list(statement.get("Action")), action)


def _matches(patterns: Iterable[str], action: str) -> bool:
    """IAM's patterns have the wildcards `*` and `?`, and ignore case."""
    return any(fnmatchcase(action.lower(), pattern.lower().replace("[", "[[]")) for pattern in patterns)


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
