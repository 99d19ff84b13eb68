"""Checks of AWS's offers to an account: instances for jobs and for the node, versions of Kubernetes and of its add-ons.

Each function is a check of `make preflight`: it returns one line if all is well, or raises a `Problem` that says how to
fix it.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoRegionError
from botocore.exceptions import ConnectionError as NoConnection

from lookups import error_code, quotas
from lookups.quotas import Quota, QuotaError
from workshop.stack import PROJECT_FOLDER

VERSIONS = PROJECT_FOLDER / "infra" / "eks_versions.json"
# Error codes of services for access keys that they do not know, or no longer know.
UNKNOWN_CALLER = {
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "InvalidAccessKeyId"),
    *("UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"),
}


class Problem(Exception):  # noqa: N818  it is a finding, explained to a person, not an error of the program
    """A check that failed; the text says what is wrong and how to fix it."""


@contextmanager
def asking(permission: str, **by_code: str) -> Generator[None]:
    """Turn an error of AWS into a problem that says how to fix it.

    Args:
        permission: the action that is tried.
        by_code: what the problem says instead, by the code of AWS's error.
    """
    try:
        yield
    except QuotaError as error:
        raise Problem(explained(error.cause, error.permission)) from error
    except (BotoCoreError, ClientError) as error:
        raise Problem(by_code.get(error_code(error)) or explained(error, permission)) from error


def transform_quota(instance_type: str, region_name: str | None, wanted: int = 1, *, send: bool = False) -> str:
    """Check the quota of instances: new accounts have a quota of 0 for some types, and a job then never starts.

    Args:
        instance_type: the SageMaker type of the jobs.
        region_name: the region, such as us-east-1.
        wanted: how many instances may be in use at once; jobs beyond the quota wait, and the check does not fail.
        send: whether to ask AWS for the wanted quota if the account's is lower.

    Raises:
        Problem: no job of this type can start, or the quota cannot be read.
    """
    with asking("servicequotas:ListServiceQuotas"):
        quota = quotas.transform(instance_type, region_name)
        if quota is None:
            raise Problem(
                f"there is no quota '{instance_type} for transform job usage': "
                f"set transformInstanceType to a type that {region_name} has"
            )
        text = f"{quota.name}: {quota.value:.0f}"
        if quota.value >= wanted:
            return text
        remedy = _increase(quota, wanted, region_name, send=send)
    if quota.value < 1:
        raise Problem(f"{quota.name} is 0, so no job starts: {remedy}")
    return f"{text}; {wanted} would run at once, and the rest wait: set maxJobsAtOnce to {quota.value:.0f}, or {remedy}"


def node_quota(instance_type: str, region_name: str | None, *, send: bool = False) -> str:
    """Check the quota of vCPUs: new accounts may run few at once, and a node group then fails after 20 minutes."""
    if instance_type[0] not in quotas.STANDARD_FAMILIES:
        return f"{instance_type} has a quota of its own, which is not checked"
    unknown = f"EC2 has no {instance_type} in {region_name}: set nodeInstanceType to another"
    with asking("ec2:DescribeInstanceTypes", InvalidInstanceType=unknown):
        described = boto3.client("ec2", region_name=region_name).describe_instance_types(InstanceTypes=[instance_type])
        needed: int = described["InstanceTypes"][0]["VCpuInfo"]["DefaultVCpus"]
        quota = quotas.standard_nodes(region_name)
        if quota is None:
            return f"{region_name} lists no quota of {quotas.STANDARD_NODES}"
        if quota.value >= needed:
            return f"{quota.value:.0f} vCPUs may run at once, a {instance_type} has {needed}"
        remedy = _increase(quota, needed, region_name, send=send)
    raise Problem(f"{quota.value:.0f} vCPUs may run at once, and a {instance_type} has {needed}: {remedy}")


def _increase(quota: Quota, wanted: int, region_name: str | None, *, send: bool) -> str:
    """Describe the state of a request for a higher quota; send one if that is wanted and no request is pending."""
    latest = quotas.latest_request(quota, region_name)
    if latest and latest.status in quotas.OPEN and latest.desired >= wanted:
        return f"the request {latest.identity} for {latest.desired:.0f} is {latest.status}; AWS may take some days"
    if send:
        sent = quotas.ask_for(quota, wanted, region_name)
        return f"asked for {wanted} now (request {sent.identity}, {sent.status}); AWS may take some days"
    refused = ""
    if latest and latest.status in quotas.REFUSED:
        refused = f"AWS refused the request {latest.identity} for {latest.desired:.0f} ({latest.status}); give AWS Support a reason there, "
    command = (
        f"aws service-quotas request-service-quota-increase --region {region_name} --service-code {quota.service} "
        f"--quota-code {quota.code} --desired-value {wanted}"
    )
    return f"{refused}ask for {wanted} by `make preflight REQUEST=1` or `{command}`, or choose another type"


def eks_version(version: str, region_name: str | None, cluster: str) -> str:
    """Check that the version is in standard support, since extended support costs six times as much.

    A cluster that is newer than the setting keeps its version.
    """
    if newer := _newer(version, region_name, cluster):
        return f"the cluster {cluster} has {newer} and keeps it: pulumi config set kubernetesVersion {newer}"
    with asking("eks:DescribeClusterVersions"):
        eks = boto3.client("eks", region_name=region_name)
        found = eks.describe_cluster_versions(clusterVersions=[version])["clusterVersions"]
    status = found[0].get("versionStatus", found[0].get("status", "")) if found else "unknown to EKS"
    if status.upper().replace("-", "_") != "STANDARD_SUPPORT":
        raise Problem(f"{version} is {status}: set kubernetesVersion to one in standard support")
    return f"{version} is in standard support"


def addon_versions(version: str, region_name: str | None, cluster: str) -> str:
    """Check that EKS still offers the versions of the add-ons that are pinned for this version of Kubernetes."""
    newer = _newer(version, region_name, cluster)
    version = newer or version
    table: Mapping[str, Mapping[str, str]] = json.loads(VERSIONS.read_text())
    if version not in table:
        missing = f"{VERSIONS.name} has no line for {version}"
        if newer:
            return f"{missing}, so the cluster keeps the add-ons of the nearest older version"
        raise Problem(f"{missing}: set kubernetesVersion to one of {', '.join(table)}")
    pinned = table[version]
    offered = {name: _offered(name, version, region_name) for name in pinned}
    if gone := {name: found for name, found in offered.items() if found and pinned[name] not in found}:
        newest = ", ".join(f"{name} to {found[0]}" for name, found in gone.items())
        raise Problem(f"EKS no longer offers what {VERSIONS.name} has for {version}: write there {newest}")
    return ", ".join(f"{name} {kept}" for name, kept in pinned.items())


def _newer(version: str, region_name: str | None, cluster: str) -> str | None:
    """Return the version of the stack's cluster, if there is one and EKS has upgraded it beyond the setting."""
    with asking("eks:DescribeCluster"):
        eks = boto3.client("eks", region_name=region_name)
        try:
            found: str = eks.describe_cluster(name=cluster)["cluster"]["version"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
    return found if _order(found) > _order(version) else None


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _offered(name: str, version: str, region_name: str | None) -> list[str]:
    """All versions of an add-on for one of Kubernetes, the newest first, as EKS lists them."""
    with asking("eks:DescribeAddonVersions"):
        pages = boto3.client("eks", region_name=region_name).get_paginator("describe_addon_versions")
        found = list(pages.paginate(addonName=name, kubernetesVersion=version))
    return [offer["addonVersion"] for page in found for addon in page["addons"] for offer in addon["addonVersions"]]


def explained(error: BotoCoreError | ClientError, permission: str) -> str:
    """Return the message of AWS or its library, in one line, and what to do about it."""
    return f"{str(error).splitlines()[0].rstrip('.')}; {_remedy(error, permission)}"


def _remedy(error: BotoCoreError | ClientError, permission: str) -> str:
    if isinstance(error, (NoConnection, HTTPClientError, NoRegionError)):
        return "check that aws:region names a region of AWS, and that this machine reaches it"
    code = error_code(error)
    if isinstance(error, BotoCoreError) or code in UNKNOWN_CALLER:
        return "sign in (`aws sso login`, or set AWS_PROFILE) and run this again"
    return f"{permission} is needed (docs/deployer-policy.json)" if "Denied" in code else "run this again"
