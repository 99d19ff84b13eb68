"""`make preflight`: what would stop the first `up` in an account, found before anything is paid for.

Each check is one function that returns a line; a line that failed says how to mend it. The deployer's address is
written into the stack's config when none is there: who may reach the cluster has no default.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from workshop.cost import PROJECT_FOLDER, settings

# Asked for this machine's public address; PREFLIGHT_ADDRESS_URL names another that answers in plain text.
ADDRESS_URL = "https://checkip.amazonaws.com"
OLDEST_AWS_CLI = {1: (1, 24), 2: (2, 7)}  # older ones make tokens that pulumi-eks does not take


class Problem(Exception):  # noqa: N818  it is a finding, told to a person, not an error of the program
    """A check that failed; the text says what is wrong and how to mend it."""


@dataclass(frozen=True)
class Check:
    """A check and the heading of its line."""

    title: str
    run: Callable[[], str]


def main(arguments: Sequence[str]) -> int:
    """Check an account for the first `up`; exit code 1 when a check failed."""
    parser = argparse.ArgumentParser(prog="python -m workshop.preflight", description=main.__doc__)
    parser.add_argument("--stack", default=os.environ.get("PULUMI_STACK", "dev"))
    stack: str = parser.parse_args(arguments).stack
    results = [_line(check) for check in checks(stack, settings(PROJECT_FOLDER, stack))]
    return 0 if all(results) else 1


def checks(stack: str, values: dict[str, Any]) -> list[Check]:
    """The checks of a stack with these settings."""
    return [
        Check("credentials", identity),
        Check("region", lambda: region(values)),
        Check("aws CLI", aws_cli),
        Check("transform quota", lambda: transform_quota(values["transformInstanceType"])),
        Check("EKS version", lambda: eks_version(str(values["kubernetesVersion"]))),
        Check("allowed addresses", lambda: allowed_addresses(stack, values.get("allowedCidrs") or [])),
    ]


def identity() -> str:
    """Credentials are there, valid, and whose they are."""
    try:
        caller = boto3.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"{_brief(error)}; sign in (`aws sso login`, or set AWS_PROFILE) and run this again") from error
    return f"{caller['Arn']} in account {caller['Account']}"


def region(values: dict[str, Any]) -> str:
    """The stack's region is the one that the aws CLI and boto3 act in."""
    wanted, found = values.get("aws:region"), Session().region_name
    if found != wanted:
        raise Problem(f"the stack is in {wanted}, your environment in {found}: export AWS_REGION={wanted}")
    return str(wanted)


def aws_cli() -> str:
    """The aws CLI makes the tokens with which the cluster is reached, also while previewing."""
    program = shutil.which("aws")
    if program is None:
        raise Problem("not on PATH: install it (https://docs.aws.amazon.com/cli/), or use `make shell STACK=dev`")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"aws-cli/(\d+)\.(\d+)", said)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < OLDEST_AWS_CLI.get(version[0], (1, 24)):
        raise Problem(f"{program} is {said.strip() or 'of no known version'}: 1.24, 2.7 or newer is needed")
    return f"{program} {version[0]}.{version[1]}"


def transform_quota(instance_type: str) -> str:
    """New accounts have a quota of 0 for some types, and a job then never starts."""
    name = f"{instance_type} for transform job usage"
    try:
        pages = boto3.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        value = next((q["Value"] for page in pages for q in page["Quotas"] if q["QuotaName"] == name), None)
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"{_brief(error)}; servicequotas:ListServiceQuotas is needed to look it up") from error
    if value is None:
        raise Problem(f"there is no quota {name!r}: is {instance_type} a type of this region?")
    if value < 1:
        raise Problem(f"{name} is 0: ask for 1 in the Service Quotas console, or set transformInstanceType to another")
    return f"{name}: {value:.0f}"


def eks_version(version: str) -> str:
    """A version in extended support costs six times as much."""
    try:
        found = boto3.client("eks").describe_cluster_versions(clusterVersions=[version])["clusterVersions"]
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"{_brief(error)}; eks:DescribeClusterVersions is needed to look it up") from error
    status = found[0].get("versionStatus", found[0].get("status", "")) if found else "unknown to EKS"
    if status.upper().replace("-", "_") != "STANDARD_SUPPORT":
        raise Problem(f"{version} is {status}: set kubernetesVersion to one in standard support")
    return f"{version} is in standard support"


def allowed_addresses(stack: str, cidrs: Sequence[str]) -> str:
    """The cluster's endpoint lets this machine in, and not the whole world."""
    address = public_address()
    if any(ipaddress.ip_address(address) in ipaddress.ip_network(cidr) for cidr in cidrs):
        return f"{address} is within {', '.join(cidrs)}"
    if cidrs:
        raise Problem(
            f"allowedCidrs ({', '.join(cidrs)}) shut this machine out, whose address is {address}: "
            f"pulumi config set --stack {stack} --path 'allowedCidrs[{len(cidrs)}]' {address}/32"
        )
    command = ["pulumi", "config", "set", "--stack", stack, "--path", "allowedCidrs[0]", f"{address}/32"]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"{address}/32 could not be written into the stack's config: {done.stderr.strip()}")
    return f"{address}/32 written into Pulumi.{stack}.yaml"


def public_address() -> str:
    """The address that the rest of the world sees this machine at."""
    url = os.environ.get("PREFLIGHT_ADDRESS_URL", ADDRESS_URL)
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise Problem(f"PREFLIGHT_ADDRESS_URL={url} is not asked: it must be https")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  the scheme is checked above
            text = answer.read(100).decode().strip()
        return str(ipaddress.ip_address(text))
    except (OSError, ValueError) as error:
        raise Problem(f"{url} did not tell this machine's address ({error}): set allowedCidrs by hand") from error


def _line(check: Check) -> bool:
    try:
        print(f"ok      {check.title:<18} {check.run()}")
    except Problem as problem:
        print(f"FAILED  {check.title:<18} {problem}")
        return False
    return True


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
