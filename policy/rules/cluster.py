"""The rules for the cluster: its version, its network, access to it, and its workload."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from .resource import Properties, Resource, Rule, companion, each, of_type

_CLUSTER = "aws:eks/cluster:Cluster"
_NODES = "aws:eks/nodeGroup:NodeGroup"
# By EKS's calendar of 2026-11-27: 1.34 leaves standard support on 2026-12-02, 1.35 on 2027-03-27, 1.36 on 2027-07-27.
# A newer version passes: EKS upgrades clusters by itself, to versions that are not known here.
OLDEST_SUPPORTED = (1, 35)
NARROWEST_OF_THE_WIDE = 8  # bits of a prefix; no single owner has a wider range

_VPC = "aws:ec2/vpc:Vpc"
_OPEN_CONTROLS = ("EC2.13", "EC2.19", "CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "AwsSolutions-EC23")
_RELEASE = "kubernetes:helm.sh/v3:Release"
_JOB = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"
MOST_INSTANCES = 4
DECLARED_NETWORK = {"network": "declared"}
"""The tag of a model that was declared with a network (network_isolation=False): a documented exception."""


def _endpoint(cluster: Properties) -> str | None:
    network = cluster.get("vpcConfig") or {}
    if network.get("endpointPublicAccess") is False:
        return None
    cidrs = network.get("publicAccessCidrs") or []
    if not cidrs or any(_is_wide(str(cidr)) for cidr in cidrs):
        return "has an endpoint open to the whole world: set publicAccessCidrs"
    return None


def _is_wide(cidr: str) -> bool:
    """Say whether it contains a large part of all addresses; two halves of the world are the world."""
    try:
        return ip_network(cidr, strict=False).prefixlen < NARROWEST_OF_THE_WIDE
    except ValueError:  # EKS refuses it
        return False


def _supported(cluster: Properties) -> str | None:
    version = str(cluster.get("version") or "")
    numbers = re.fullmatch(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) >= OLDEST_SUPPORTED:
        return None
    return f"has {f'version {version}' if version else 'no fixed version'}: supported is {'.'.join(map(str, OLDEST_SUPPORTED))} or newer"


def _standard(cluster: Properties) -> str | None:
    support = (cluster.get("upgradePolicy") or {}).get("supportType")
    return None if support == "STANDARD" else f"has support type {support}: extended support costs six times as much"


def _access_entries(cluster: Properties) -> str | None:
    mode = (cluster.get("accessConfig") or {}).get("authenticationMode")
    return None if mode == "API" else f"has authentication mode {mode}: use access entries (API), which can be audited"


def _no_remote_access(nodes: Properties) -> str | None:
    return "opens SSH to its nodes" if nodes.get("remoteAccess") else None


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


def _pinned(release: Properties) -> str | None:
    version = str(release.get("version") or "")
    if re.fullmatch(r"\d+\.\d+\.\d+", version):
        return None
    return f"has {f'chart version {version}' if version else 'no fixed chart version'}: pin one"


def _namespaced(release: Properties) -> str | None:
    scope = (release.get("values") or {}).get("installScope")
    return None if scope == "namespace" else "has permissions in every namespace: set installScope to namespace"


def _confined(release: Properties) -> str | None:
    values = release.get("values") or {}
    shared = [name for name in ("hostPID", "hostIPC", "hostNetwork") if (values.get("deployment") or {}).get(name)]
    if shared:
        return f"shares the node's namespaces: {', '.join(shared)}"
    limits = (values.get("resources") or {"limits": {"cpu": "", "memory": ""}}).get("limits") or {}
    return None if {"cpu", "memory"} <= limits.keys() else "removes the chart's limits: set cpu and memory"


def _named_cluster(provider: Properties) -> str | None:
    return None if provider.get("kubeconfig") else "uses the default kubeconfig: give it the cluster's own"


def _isolated(model: Properties) -> str | None:
    if model.get("enableNetworkIsolation") is True or DECLARED_NETWORK.items() <= (model.get("tags") or {}).items():
        return None
    return "may reach the network: set enableNetworkIsolation"


def _few_instances(job: Properties) -> str | None:
    count = ((job.get("spec") or {}).get("transformResources") or {}).get("instanceCount", 1)
    return f"uses {count} instances; more than {MOST_INSTANCES} need a reason" if count > MOST_INSTANCES else None


RULES = (
    Rule(
        "eks-endpoint-not-open",
        ("CKV_AWS_38",),
        "The API server is private, or accepts requests from named addresses only.",
        each(_CLUSTER, _endpoint),
    ),
    Rule("eks-supported-version", ("EKS.2", "CKV_AWS_339"), "The version is supported.", each(_CLUSTER, _supported)),
    Rule("eks-standard-support", ("cost",), "No extended support is paid for.", each(_CLUSTER, _standard)),
    Rule(
        "eks-access-entries", ("EKS.authentication",), "Access is by access entries.", each(_CLUSTER, _access_entries)
    ),
    Rule("eks-no-ssh", ("CKV_AWS_100",), "No SSH into nodes.", each(_NODES, _no_remote_access)),
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
    Rule(
        "kubernetes-chart-pinned",
        ("CKV_K8S_14",),
        "The chart's version is pinned.",
        each(_RELEASE, _pinned),
    ),
    Rule(
        "kubernetes-operator-in-one-namespace",
        ("CKV_K8S_49", "AwsSolutions-IAM5"),
        "The operator has permissions in the jobs' namespace only.",
        each(_RELEASE, _namespaced),
    ),
    Rule(
        "kubernetes-operator-confined",
        ("CKV_K8S_11", "CKV_K8S_13", "CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19"),
        "The operator keeps the chart's limits and shares nothing of its node.",
        each(_RELEASE, _confined),
    ),
    Rule(
        "kubernetes-explicit-cluster",
        ("EKS.identity",),
        "The Kubernetes provider names its cluster.",
        each("pulumi:providers:kubernetes", _named_cluster),
    ),
    Rule(
        "sagemaker-network-isolation",
        ("SageMaker.5", "CKV_AWS_370"),
        "A model's container has no network, unless its job asks for one.",
        each("aws:sagemaker/model:Model", _isolated),
    ),
    Rule("sagemaker-few-instances", ("cost",), "A job uses few instances.", each(_JOB, _few_instances)),
)
