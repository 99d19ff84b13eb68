"""The network: a default security group without rules, and no group open to the world."""

from collections.abc import Iterator, Sequence

from .resource import Properties, Resource, Rule, companion, each, of_type

_VPC = "aws:ec2/vpc:Vpc"


def _shut(group: Properties) -> str | None:
    return "has rules in its default security group" if group.get("ingress") or group.get("egress") else None


def _closed(group: Properties) -> str | None:
    for rule in group.get("ingress") or []:
        if "0.0.0.0/0" in (rule.get("cidrBlocks") or []) or "::/0" in (rule.get("ipv6CidrBlocks") or []):
            return "lets the whole world in"
    return None


def _no_nat(stack: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for gateway in of_type(stack, "aws:ec2/natGateway:NatGateway"):
        yield gateway, "costs as much by the hour as a node: public subnets and a gateway endpoint do"


RULES = (
    Rule(
        "vpc-default-group-shut",
        ("EC2.2", "CKV2_AWS_12"),
        "The default security group has no rules.",
        companion(_VPC, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId", _shut),
    ),
    Rule(
        "vpc-no-open-groups",
        ("EC2.13", "EC2.19", "CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "AwsSolutions-EC23"),
        "No security group is open to the world.",
        each("aws:ec2/securityGroup:SecurityGroup", _closed),
    ),
    Rule("vpc-no-nat-gateway", ("cost",), "No NAT gateway.", _no_nat),
)
