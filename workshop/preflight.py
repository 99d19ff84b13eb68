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
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoRegionError
from botocore.exceptions import ConnectionError as NoConnection

from workshop.stack import PROJECT_FOLDER, settings

# Asked for this machine's public address; PREFLIGHT_ADDRESS_URL names another that answers in plain text.
ADDRESS_URL = "https://checkip.amazonaws.com"
SIGN_IN = "sign in (`aws sso login`, or set AWS_PROFILE) and run this again"
AGAIN = "run this again"
# What services say of keys that they do not know, or know no longer.
UNKNOWN_CALLER = {
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "InvalidAccessKeyId"),
    *("UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"),
}
PRIVATE = [ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
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
    place: str | None = values.get("aws:region")
    return [
        Check("Pulumi CLI", pulumi_cli),
        Check("aws CLI", aws_cli),
        Check("region", lambda: region(place)),
        Check("credentials", lambda: identity(place)),
        Check("transform quota", lambda: transform_quota(values["transformInstanceType"], place)),
        Check("EKS version", lambda: eks_version(str(values["kubernetesVersion"]), place)),
        Check("allowed addresses", lambda: allowed_addresses(stack, values.get("allowedCidrs") or [])),
    ]


def identity(place: str | None) -> str:
    """Credentials are there, valid, and whose they are."""
    try:
        caller = boto3.client("sts", region_name=place).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Problem(_told(error, "sts:GetCallerIdentity")) from error
    return f"{caller['Arn']} in account {caller['Account']}"


def region(place: str | None) -> str:
    """The stack's region is the one that the aws CLI and boto3 act in."""
    if not place:
        raise Problem("the stack has none: pulumi config set aws:region us-east-1")
    try:
        found = Session().region_name
    except BotoCoreError as error:
        raise Problem(_told(error, "")) from error
    if found != place:
        named = f"your environment in {found}" if found else "your environment names none"
        raise Problem(f"the stack is in {place}, {named}: export AWS_REGION={place} AWS_DEFAULT_REGION={place}")
    return place


def pulumi_cli() -> str:
    """The engine that acts on an account."""
    program = shutil.which("pulumi")
    if program is None:
        raise Problem("not on PATH: install it (https://www.pulumi.com/docs/install/)")
    return program


def aws_cli() -> str:
    """The aws CLI makes the tokens with which the cluster is reached, also while previewing."""
    program = shutil.which("aws")
    if program is None:
        raise Problem("not on PATH: install it (https://docs.aws.amazon.com/cli/)")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"aws-cli/(\d+)\.(\d+)", said)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < OLDEST_AWS_CLI.get(version[0], (1, 24)):
        raise Problem(f"{program} is {said.strip() or 'of no known version'}: 1.24, 2.7 or newer is needed")
    return f"{program} {version[0]}.{version[1]}"


def transform_quota(instance_type: str, place: str | None) -> str:
    """New accounts have a quota of 0 for some types, and a job then never starts."""
    name = f"{instance_type} for transform job usage"
    value = _quota(name, place, "ListServiceQuotas")
    if value is None:  # AWS leaves out of that list what nobody has ever changed
        value = _quota(name, place, "ListAWSDefaultServiceQuotas")
    if value is None:
        raise Problem(f"there is no quota {name!r}: set transformInstanceType to a type that {place} has")
    if value < 1:
        raise Problem(f"{name} is 0: ask for 1 in the Service Quotas console, or set transformInstanceType to another")
    return f"{name}: {value:.0f}"


def _quota(name: str, place: str | None, operation: str) -> float | None:
    """The value of a quota of SageMaker's, None where the operation does not list it."""
    try:
        client = boto3.client("service-quotas", region_name=place)
        pages = client.get_paginator(xform_name(operation)).paginate(ServiceCode="sagemaker")
        return next((q["Value"] for page in pages for q in page["Quotas"] if q["QuotaName"] == name), None)
    except (BotoCoreError, ClientError) as error:
        raise Problem(_told(error, f"servicequotas:{operation}")) from error


def eks_version(version: str, place: str | None) -> str:
    """A version in extended support costs six times as much."""
    try:
        eks = boto3.client("eks", region_name=place)
        found = eks.describe_cluster_versions(clusterVersions=[version])["clusterVersions"]
    except (BotoCoreError, ClientError) as error:
        raise Problem(_told(error, "eks:DescribeClusterVersions")) from error
    status = found[0].get("versionStatus", found[0].get("status", "")) if found else "unknown to EKS"
    if status.upper().replace("-", "_") != "STANDARD_SUPPORT":
        raise Problem(f"{version} is {status}: set kubernetesVersion to one in standard support")
    return f"{version} is in standard support"


def allowed_addresses(stack: str, cidrs: Sequence[str]) -> str:
    """The cluster's endpoint lets this machine in, and not the whole world."""
    networks = [_network(cidr) for cidr in cidrs]
    try:
        address = public_address()
    except Problem as problem:
        if not cidrs:
            raise
        return f"{', '.join(cidrs)} as set; whether this machine is among them is not known: {problem}"
    if any(address in network for network in networks):
        return f"{address} is within {', '.join(cidrs)}"
    if cidrs:
        raise Problem(
            f"allowedCidrs ({', '.join(cidrs)}) shut this machine out, whose address is {address}: "
            f"pulumi config set --stack {stack} --path 'allowedCidrs[{len(cidrs)}]' {address}/32"
        )
    _write_address(stack, f"{address}/32")
    return f"{address}/32 written into Pulumi.{stack}.yaml"


def _network(cidr: str) -> ipaddress.IPv4Network:
    """A range that EKS takes: it refuses those of private networks for a public endpoint."""
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        raise Problem(f"allowedCidrs has {cidr!r}: write an IPv4 range such as 203.0.113.7/32 ({error})") from error
    if any(network.subnet_of(private) for private in PRIVATE):
        raise Problem(f"allowedCidrs has {cidr}, a private range, which EKS refuses: name the address it has outside")
    return network


def _write_address(stack: str, cidr: str) -> None:
    command = ["pulumi", "config", "set", "--stack", stack, "--path", "allowedCidrs[0]", cidr]
    try:
        done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Problem(
            f"without the Pulumi CLI it is not written: set allowedCidrs to [{cidr}] in Pulumi.{stack}.yaml"
        ) from error
    if done.returncode:
        hint = f"; `pulumi stack init {stack}` makes the stack" if "no stack named" in done.stderr else ""
        raise Problem(f"{cidr} could not be written into the stack's config: {done.stderr.strip()}{hint}")


def public_address() -> ipaddress.IPv4Address:
    """The address that the rest of the world sees this machine at."""
    url = os.environ.get("PREFLIGHT_ADDRESS_URL", ADDRESS_URL)
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise Problem(f"PREFLIGHT_ADDRESS_URL={url} is not asked: it must be https")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  the scheme is checked above
            return ipaddress.IPv4Address(answer.read(100).decode().strip())
    except (OSError, ValueError) as error:
        raise Problem(f"{url} did not tell this machine's address ({error}); set allowedCidrs by hand") from error


def _line(check: Check) -> bool:
    try:
        print(f"ok      {check.title:<18} {check.run()}")
    except Problem as problem:
        print(f"FAILED  {check.title:<18} {problem}")
        return False
    return True


def _told(error: BotoCoreError | ClientError, permission: str) -> str:
    """What AWS or its library said, in one line, and what to do about it."""
    return f"{str(error).splitlines()[0].rstrip('.')}; {_cure(error, permission)}"


def _cure(error: BotoCoreError | ClientError, permission: str) -> str:
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code in UNKNOWN_CALLER:
            return SIGN_IN
        return f"{permission} is needed (docs/deployer-policy.json)" if "Denied" in code else AGAIN
    if isinstance(error, (NoConnection, HTTPClientError, NoRegionError)):
        return "see that aws:region names a region of AWS, and that this machine reaches it"
    return SIGN_IN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
