"""The network: a default security group without rules, and no group open to the world."""

from collections.abc import Iterator, Sequence

from .resource import Properties, Resource, Rule, companion, each, of_type

_VPC = "aws:ec2/vpc:Vpc"
_OPEN_CONTROLS = ("EC2.13", "EC2.19", "CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "AwsSolutions-EC23")


def _shut(group: Properties) -> str | None:
    return "has rules in its default security group" if group.get("ingress") or group.get("egress") else None


def _closed(group: Properties) -> str | None:
    return next((wrong for wrong in map(_from_known, group.get("ingress") or []) if wrong), None)


def _closed_by_rule(rule: Properties) -> str | None:
    return _from_known(rule) if rule.get("type") == "ingress" else None


def _from_known(rule: Properties) -> str | None:
    ranges = [*(rule.get("cidrBlocks") or []), *(rule.get("ipv6CidrBlocks") or [])]
    ranges += [rule.get("cidrIpv4"), rule.get("cidrIpv6")]
    return "is open to the whole world" if {"0.0.0.0/0", "::/0"} & set(ranges) else None


def _no_nat(stack: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for gateway in of_type(stack, "aws:ec2/natGateway:NatGateway"):
        yield gateway, "costs as much by the hour as a node: use public subnets and a gateway endpoint"


RULES = (
    Rule(
        "vpc-default-group-shut",
        ("EC2.2", "CKV2_AWS_12"),
        "The default security group has no rules.",
        companion(_VPC, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId", _shut),
        alone=False,
    ),
    Rule(
        "vpc-no-open-groups",
        _OPEN_CONTROLS,
        "No security group is open to the world.",
        each("aws:ec2/securityGroup:SecurityGroup", _closed),
    ),
    Rule(
        "vpc-no-open-group-rules",
        _OPEN_CONTROLS,
        "No rule opens a security group to the world.",
        each("aws:ec2/securityGroupRule:SecurityGroupRule", _closed_by_rule),
    ),
    Rule(
        "vpc-no-open-ingress-rules",
        _OPEN_CONTROLS,
        "No ingress rule resource opens a security group to the world.",
        each("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", _from_known),
    ),
    Rule("vpc-no-nat-gateway", ("cost",), "No NAT gateway.", _no_nat),
)
