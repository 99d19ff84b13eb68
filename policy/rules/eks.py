"""The cluster: a supported version, access from known addresses only, and no access to its nodes."""

import re
from ipaddress import ip_network

from .resource import Properties, Rule, each

_CLUSTER = "aws:eks/cluster:Cluster"
_NODES = "aws:eks/nodeGroup:NodeGroup"
# By EKS's calendar of 2026-11-27: 1.34 leaves standard support on 2026-12-02, 1.35 on 2027-03-27, 1.36 on 2027-07-27.
# A newer one passes: EKS upgrades clusters by itself, to versions that are not known here.
OLDEST_SUPPORTED = (1, 35)
NARROWEST_OF_THE_WIDE = 8  # bits of a prefix; no single owner has a wider range


def _endpoint(cluster: Properties) -> str | None:
    network = cluster.get("vpcConfig") or {}
    if network.get("endpointPublicAccess") is False:
        return None
    cidrs = network.get("publicAccessCidrs") or []
    if not cidrs or any(_is_wide(str(cidr)) for cidr in cidrs):
        return "has an endpoint open to the whole world: set publicAccessCidrs"
    return None


def _is_wide(cidr: str) -> bool:
    """Whether it contains a large part of all addresses; two halves of the world are the world."""
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
)
