"""What a stack may have left behind: everything in the account and region that carries its tags.

`python -m workshop.leftovers` prints it and exits 1 when there is something to clear; what AWS keeps by design, job
records and log groups, is listed apart and is no fault. `--all` looks at everything in the account, tagged or not,
which is the right question for an account that holds nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

PROJECT = "sagemaker-batch-workshop"


@dataclass(frozen=True)
class Found:
    """Something that exists in the account."""

    kind: str
    name: str
    tags: tuple[tuple[str, str], ...] = ()

    def belongs_to(self, stack: str) -> bool:
        """Whether its tags name this project and stack."""
        return {("project", PROJECT), ("stack", stack)} <= set(self.tags)


def main(arguments: Sequence[str]) -> int:
    """List what the stack left in the account; exit code 1 when there is something to clear."""
    parser = argparse.ArgumentParser(prog="python -m workshop.leftovers", description=main.__doc__)
    parser.add_argument("--stack", default=os.environ.get("PULUMI_STACK", "dev"))
    parser.add_argument("--all", action="store_true", help="everything in the account, not only what carries the tags")
    options = parser.parse_args(arguments)
    try:
        found = [item for item in everything() if options.all or item.belongs_to(options.stack)]
        kept = list(kept_by_design())
    except (ClientError, BotoCoreError) as error:
        print(f"error: the account could not be listed: {error}", file=sys.stderr)
        return 2
    _print(options.stack, found, kept)
    return 1 if found else 0


def everything() -> Iterator[Found]:
    """Whatever of the kinds that the stack makes exists in the account and region."""
    for listing in (_buckets, _roles, _policies, _vpcs, _clusters, _models):
        yield from listing()


def kept_by_design() -> Iterator[str]:
    """What AWS keeps of jobs that ended: their records, which cannot be deleted, and their logs."""
    jobs = _pages("sagemaker", "list_transform_jobs", "TransformJobSummaries")
    yield from (f"transform job {job['TransformJobName']} ({job['TransformJobStatus']})" for job in jobs)
    groups = _pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix="/aws/sagemaker/TransformJobs")
    yield from (f"log group {group['logGroupName']}" for group in groups)


def _buckets() -> Iterator[Found]:
    client = boto3.client("s3")
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        tags = _or_none(lambda name=name: client.get_bucket_tagging(Bucket=name)["TagSet"], "NoSuchTagSet")
        yield Found("bucket", name, _pairs(tags))


def _roles() -> Iterator[Found]:
    client = boto3.client("iam")
    for role in _pages("iam", "list_roles", "Roles"):
        if not role["Path"].startswith("/aws-service-role/"):
            yield Found("role", role["RoleName"], _pairs(client.list_role_tags(RoleName=role["RoleName"])["Tags"]))


def _policies() -> Iterator[Found]:
    client = boto3.client("iam")
    for policy in _pages("iam", "list_policies", "Policies", Scope="Local"):
        yield Found("policy", policy["Arn"], _pairs(client.list_policy_tags(PolicyArn=policy["Arn"])["Tags"]))


def _vpcs() -> Iterator[Found]:
    for vpc in _pages("ec2", "describe_vpcs", "Vpcs"):
        if not vpc["IsDefault"]:
            yield Found("VPC", vpc["VpcId"], _pairs(vpc.get("Tags", [])))


def _clusters() -> Iterator[Found]:
    client = boto3.client("eks")
    for name in _pages("eks", "list_clusters", "clusters"):
        tags = client.describe_cluster(name=name)["cluster"].get("tags", {})
        yield Found("cluster", name, tuple(tags.items()))


def _models() -> Iterator[Found]:
    client = boto3.client("sagemaker")
    for model in _pages("sagemaker", "list_models", "Models"):
        tags = client.list_tags(ResourceArn=model["ModelArn"])["Tags"]
        yield Found("model", model["ModelName"], _pairs(tags))


def _pages(service: str, operation: str, member: str, **arguments: object) -> Iterator[Any]:
    for page in boto3.client(service).get_paginator(operation).paginate(**arguments):
        yield from page[member]


def _pairs(tags: Iterable[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((tag["Key"], tag["Value"]) for tag in tags or ())


def _or_none(call: Callable[[], Any], code: str) -> Any:
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return None
        raise


def _print(stack: str, found: Sequence[Found], kept: Sequence[str]) -> None:
    for item in found:
        print(f"left: {item.kind} {item.name}")
    if not found:
        print(f"nothing of stack {stack} is left")
    if kept:
        print(f"kept by AWS by design: {len(kept)} records of jobs and logs, for example {kept[0]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
