"""Leftovers of a stack: everything in the account and region that has its tags.

`python -m workshop.leftovers` prints it, and exits with 1 if there is something to remove. Job
records and log groups, which AWS keeps by design, are listed separately and do not count. `--all` also lists objects with
other tags or without tags, which do not count either.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from lookups import error_code, logs
from workshop.stack import PROJECT_FOLDER, parser, project, settings, tool

GONE = {
    *("NoSuchBucket", "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException", "ResourceNotFound"),
    *("NotFound", "AWS.SimpleQueueService.NonExistentQueue"),
}
HIDDEN = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
RUNNING = "InProgress"  # one that is Stopping ends by itself
RUNNING_JOB = "running transform job"

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Found:
    """A resource in the account; its tags are None if the caller may not read them."""

    kind: str
    name: str
    tags: Tags | None = ()

    def belongs_to(self, project: str, stack: str) -> bool:
        """Say whether its tags name this project and stack."""
        return {("project", project), ("stack", stack)} <= set(self.tags or ())


@dataclass(frozen=True)
class Listing:
    """How one kind of thing is listed, and how its tags are read."""

    kind: str  # in the singular
    service: str  # boto3's name of the service
    operation: str  # the listing, which boto3 can page through
    member: str  # of each page: the items
    name: str  # the member of an item that names it; empty if the item is a string
    tags: str = ""  # the operation that reads an item's tags; empty if the item has them
    by: tuple[str, str] = ("", "")  # the argument of that operation, and the member of an item that it takes
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])  # of the listing
    optional: bool = False  # made only with certain settings, without which a deployer need not be allowed to list it


_BY_ARN = ("list_tags_for_resource", ("ResourceArn", "Arn"))
LISTINGS = (
    Listing("bucket", "s3", "list_buckets", "Buckets", "Name", "get_bucket_tagging", ("Bucket", "Name")),
    Listing("role", "iam", "list_roles", "Roles", "RoleName", "list_role_tags", ("RoleName", "RoleName")),
    Listing(
        *("policy", "iam", "list_policies", "Policies", "Arn"),
        *("list_policy_tags", ("PolicyArn", "Arn"), {"Scope": "Local"}),
    ),
    Listing("VPC", "ec2", "describe_vpcs", "Vpcs", "VpcId"),
    Listing("cluster", "eks", "list_clusters", "clusters", "", "describe_cluster", ("name", "")),
    Listing("model", "sagemaker", "list_models", "Models", "ModelName", "list_tags", ("ResourceArn", "ModelArn")),
    # A job that runs on although its Kubernetes object is gone costs money, and no destroy stops it.
    Listing(
        *(RUNNING_JOB, "sagemaker", "list_transform_jobs", "TransformJobSummaries", "TransformJobName"),
        *("list_tags", ("ResourceArn", "TransformJobArn"), {"StatusEquals": RUNNING}),
    ),
    Listing("schedule group", "scheduler", "list_schedule_groups", "ScheduleGroups", "Name", *_BY_ARN, optional=True),
    Listing("queue", "sqs", "list_queues", "QueueUrls", "", "list_queue_tags", ("QueueUrl", ""), optional=True),
    Listing(
        "topic", "sns", "list_topics", "Topics", "TopicArn", _BY_ARN[0], ("ResourceArn", "TopicArn"), optional=True
    ),
    Listing("rule", "events", "list_rules", "Rules", "Name", _BY_ARN[0], ("ResourceARN", "Arn"), optional=True),
)


@tool
def main(arguments: Sequence[str]) -> int:
    """List the leftovers of the stack in the account; the exit code is 1 if there is something to remove."""
    command = parser("leftovers", main.__doc__)
    command.add_argument("--all", action="store_true", help="also list objects without the stack's tags")
    command.add_argument(
        "--no-records", action="store_true", help="leave out the records and logs that AWS keeps of ended jobs"
    )
    options = command.parse_args(arguments)
    stack: str = options.stack
    values = settings(PROJECT_FOLDER, stack)
    try:
        session = Session(region_name=values.get("aws:region"))
        there = list(everything(session))
        prefix = "" if options.all else f"{values['prefix']}-"
        kept = [] if options.no_records else list(kept_by_design(session, prefix))
    except (ClientError, BotoCoreError) as error:
        hint = f"`make preflight STACK={stack}` says how to sign in"
        print(f"error: the account could not be listed: {error}; {hint}", file=sys.stderr)
        return 2
    ours = [item for item in there if item.belongs_to(project(), stack)]
    _print(stack, ours, kept, [item for item in there if item.tags is None])
    for item in there if options.all else ():
        if item not in ours:
            print(f"not of this stack: {item.kind} {item.name}")
    return 1 if ours else 0


def everything(session: Session) -> Iterator[Found]:
    """List everything in the account, in the session's region, of the kinds that a stack creates."""
    for one in LISTINGS:
        try:
            yield from _listed(session, one)
        except ClientError as error:
            if not one.optional or error_code(error) not in HIDDEN:
                raise
            yield Found("all", f"{one.kind}s", None)


def kept_by_design(session: Session, prefix: str = "") -> Iterator[str]:
    """List what AWS keeps and nobody can delete: the records of ended jobs whose names begin with the prefix, and their logs."""
    asked = {"NameContains": prefix} if prefix else {}
    for job in _pages(session, "sagemaker", "list_transform_jobs", "TransformJobSummaries", **asked):
        if job["TransformJobName"].startswith(prefix) and job["TransformJobStatus"] != RUNNING:
            yield f"transform job {job['TransformJobName']} ({job['TransformJobStatus']})"
    groups = _pages(session, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=logs.GROUP)
    yield from (f"log group {group['logGroupName']}" for group in groups)


def _listed(session: Session, one: Listing) -> Iterator[Found]:
    client = _client(session, one.service)
    for found in _pages(session, one.service, one.operation, one.member, **one.arguments):
        item: Mapping[str, Any] = found if isinstance(found, dict) else {"": found}
        if _is_the_accounts_own(item):
            continue
        if one.tags:
            argument, member = one.by
            yield from _tagged(one.kind, item[one.name], partial(getattr(client, one.tags), **{argument: item[member]}))
        else:
            yield Found(one.kind, item[one.name], _pairs(item))


def _is_the_accounts_own(item: Mapping[str, Any]) -> bool:
    """Say whether each account has it from the start, or AWS made it for a service."""
    own = item.get("IsDefault") or str(item.get("Path", "")).startswith("/aws-service-role/")
    return bool(own) or str(item.get("Arn", "")).endswith(":schedule-group/default")


def _tagged(kind: str, name: str, read_tags: Callable[[], Mapping[str, Any]]) -> Iterator[Found]:
    """Yield an item with its tags; nothing if it was deleted after it was listed."""
    try:
        yield Found(kind, name, _pairs(read_tags()))
    except ClientError as error:
        code = error_code(error)
        if code in HIDDEN:
            yield Found(kind, name, None)
        elif code == "NoSuchTagSet":
            yield Found(kind, name)
        elif code not in GONE:
            raise


def _pages(session: Session, service: str, operation: str, member: str, **arguments: object) -> Iterator[Any]:
    for page in _client(session, service).get_paginator(operation).paginate(**arguments):
        yield from page.get(member) or ()


def _client(session: Session, service: str) -> Any:
    return session.client(service)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] boto3 has no types


def _pairs(answer: Mapping[str, Any]) -> Tags:
    """Return the tags in an answer, which each service writes in its own form."""
    answer = answer.get("cluster") or answer
    tags = answer.get("Tags") or answer.get("TagSet") or answer.get("tags") or ()
    return tuple(tags.items()) if isinstance(tags, dict) else tuple((tag["Key"], tag["Value"]) for tag in tags)


def _print(stack: str, found: Sequence[Found], kept: Sequence[str], hidden: Sequence[Found]) -> None:
    stands = any(item.kind == "cluster" for item in found)
    if stands:
        print(f"stack {stack} stands: it has its cluster; these are its objects")
    for item in found:
        print(f"{'there' if stands else 'left'}: {item.kind} {item.name}")
        if item.kind == RUNNING_JOB:
            print(f"      aws sagemaker stop-transform-job --transform-job-name {item.name}")
    if found:
        print(f"`make destroy STACK={stack}` removes what Pulumi knows about; delete by hand what is left then")
    else:
        print(f"nothing of stack {stack} is left")
    if hidden:
        print(
            f"not checked, because the permission is missing: {len(hidden)}, for example {hidden[0].kind} {hidden[0].name}"
        )
    if kept:
        print(f"AWS keeps the records and logs of ended jobs: {len(kept)} in all, for example {kept[0]}.")
        print("They cannot be deleted, do not run, and cost nothing except the logs' storage.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
