"""`make preflight`: finds problems that would stop the first `up` in an account, before anything costs money.

Each check is one function that returns a line; a line that failed says how to fix it. The deployer's address is written
into the stack's config if none is set: who may reach the cluster has no default.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from boto3.session import Session
from botocore.exceptions import ClientError

from lookups import error_code
from workshop.offers import Problem, addon_versions, asking, eks_version, node_quota, transform_quota
from workshop.stack import PROJECT_FOLDER, parser, settings, tool

# Returns this machine's public address; PREFLIGHT_ADDRESS_URL names another service that answers in plain text.
ADDRESS_URL = "https://checkip.amazonaws.com"
PRIVATE = [ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
OLDEST_AWS_CLI = {1: (1, 24), 2: (2, 7)}  # older ones make tokens that pulumi-eks does not accept


@tool
def main(arguments: Sequence[str]) -> int:
    """Check an account for the first `up`; the exit code is 1 if a check failed."""
    command = parser("preflight", main.__doc__)
    wish = os.environ.get("REQUEST") == "1"
    command.add_argument("--request", action="store_true", default=wish, help="ask AWS for a quota that is too low")
    options = command.parse_args(arguments)
    found = checks(options.stack, settings(PROJECT_FOLDER, options.stack), send=options.request)
    results = [_line(title, check) for title, check in found.items()]
    return 0 if all(results) else 1


def checks(stack: str, values: dict[str, Any], *, send: bool = False) -> dict[str, Callable[[], str]]:
    """Return the checks of a stack with these settings, by the headings of their lines.

    If wanted, they ask AWS to raise a quota that is too low.
    """
    region_name: str | None = values.get("aws:region")
    version, cluster, install = str(values["kubernetesVersion"]), values["prefix"], values["operatorInstall"]
    node = {"node quota": lambda: node_quota(values["nodeInstanceType"], region_name, send=send)}
    return {
        "Pulumi CLI": pulumi_cli,
        "aws CLI": aws_cli,
        "region": lambda: region(region_name),
        "credentials": lambda: identity(region_name),
        "jobs at once": lambda: jobs_at_once(values, region_name, send=send),
        **({} if install == "capability" else node),
        "EKS version": lambda: eks_version(version, region_name, cluster),
        "EKS add-ons": lambda: addon_versions(version, region_name, cluster),
        "operator": lambda: one_operator(install, cluster, region_name),
        "allowed addresses": lambda: allowed_addresses(stack, values.get("allowedCidrs") or []),
    }


def identity(region_name: str | None) -> str:
    """Check that there are valid credentials, and return whose they are."""
    with asking("sts:GetCallerIdentity"):
        caller = boto3.client("sts", region_name=region_name).get_caller_identity()
    return f"{caller['Arn']} in account {caller['Account']}"


def region(region_name: str | None) -> str:
    """Check that the stack's region is the one that the aws CLI and boto3 use."""
    if not region_name:
        raise Problem("the stack has none: pulumi config set aws:region us-east-1")
    with asking(""):
        found = Session().region_name
    if found != region_name:
        named = f"your environment in {found}" if found else "your environment names none"
        raise Problem(
            f"the stack is in {region_name}, {named}: export AWS_REGION={region_name} AWS_DEFAULT_REGION={region_name}"
        )
    return region_name


def one_operator(install: str, cluster: str, region_name: str | None) -> str:
    """Check that no other operator than that of the settings acts on the cluster's jobs."""
    with asking("eks:ListNodegroups, eks:ListCapabilities"):
        eks = boto3.client("eks", region_name=region_name)
        try:
            nodes = eks.list_nodegroups(clusterName=cluster)["nodegroups"]
            managed = [found["type"] for found in eks.list_capabilities(clusterName=cluster)["capabilities"]]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return f"{install}; the cluster is not there yet"
            raise
    if install == "capability" and nodes:
        raise Problem("the cluster has nodes, on which another operator runs: make destroy first, then make up")
    if install != "capability" and "ACK" in managed:
        raise Problem("EKS runs an operator as a capability of the cluster: make destroy first, then make up")
    return install


def pulumi_cli() -> str:
    """Check that there is a Pulumi CLI, which acts on the account."""
    return _program("pulumi", "https://www.pulumi.com/docs/install/")


def aws_cli() -> str:
    """Check the version of the aws CLI, which makes the tokens for the cluster, also in a preview."""
    program = _program("aws", "https://docs.aws.amazon.com/cli/")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"aws-cli/(\d+)\.(\d+)", said)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < OLDEST_AWS_CLI.get(version[0], (1, 24)):
        raise Problem(f"{program} is {said.strip() or 'of an unknown version'}: 1.24, 2.7 or newer is needed")
    return f"{program} {version[0]}.{version[1]}"


def _program(name: str, guide: str) -> str:
    if program := shutil.which(name):
        return program
    raise Problem(f"not on PATH: install it ({guide})")


def jobs_at_once(values: dict[str, Any], region_name: str | None, *, send: bool) -> str:
    """Check that the declared jobs are valid, and that the quota allows the instances that they may use at once."""
    command = [sys.executable, "-m", "jobs.lanes"]
    # Another check covers the addresses, and sets them if the stack has none.
    given = json.dumps({**values, "allowedCidrs": values.get("allowedCidrs") or ["127.0.0.1/32"]})
    done = subprocess.run(command, cwd=PROJECT_FOLDER, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(done.stderr.strip() or f"`{' '.join(command[1:])}` ended with {done.returncode}")
    wanted: dict[str, int] = json.loads(done.stdout) or {values["transformInstanceType"]: 1}
    return "; ".join(transform_quota(kind, region_name, count, send=send) for kind, count in wanted.items())


def allowed_addresses(stack: str, cidrs: Sequence[str]) -> str:
    """Check that the cluster's endpoint admits this machine; if no range is set, write this machine's address."""
    networks = [_network(cidr) for cidr in cidrs]
    try:
        address = public_address()
    except Problem as problem:
        if not cidrs:
            raise
        return f"{', '.join(cidrs)} as set; it is not known whether this machine is among them: {problem}"
    if any(address in network for network in networks):
        return f"{address} is within {', '.join(cidrs)}"
    if cidrs:
        raise Problem(
            f"allowedCidrs ({', '.join(cidrs)}) do not admit this machine, which has the address {address}: "
            f"pulumi config set --stack {stack} --path 'allowedCidrs[{len(cidrs)}]' {address}/32"
        )
    _write_address(stack, f"{address}/32")
    return f"{address}/32 written into Pulumi.{stack}.yaml"


def _network(cidr: str) -> ipaddress.IPv4Network:
    """Parse a range that EKS accepts: for a public endpoint it refuses those of private networks."""
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        raise Problem(f"allowedCidrs has {cidr!r}: write an IPv4 range such as 203.0.113.7/32 ({error})") from error
    if any(network.subnet_of(private) for private in PRIVATE):
        raise Problem(f"allowedCidrs has {cidr}, a private range, which EKS refuses: use this machine's public address")
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
        hint = f"; `pulumi stack init {stack}` creates the stack" if "no stack named" in done.stderr else ""
        raise Problem(f"{cidr} could not be written into the stack's config: {done.stderr.strip()}{hint}")


def public_address() -> ipaddress.IPv4Address:
    """Return the public address of this machine."""
    url = os.environ.get("PREFLIGHT_ADDRESS_URL", ADDRESS_URL)
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise Problem(f"PREFLIGHT_ADDRESS_URL={url} is not used: it must be https")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  the scheme is checked above
            return ipaddress.IPv4Address(answer.read(100).decode().strip())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Problem(f"{url} did not return this machine's address ({error}); set allowedCidrs by hand") from error


def _line(title: str, check: Callable[[], str]) -> bool:
    try:
        print(f"ok      {title:<18} {check()}")
    except Problem as problem:
        print(f"FAILED  {title:<18} {problem}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
