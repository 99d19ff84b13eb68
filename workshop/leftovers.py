"""What a stack may have left behind: everything in the account and region that has its tags.

`python -m workshop.leftovers` prints it, and exits with 1 if there is something to remove. What AWS keeps by design, job
records and log groups, is listed separately and does not count. `--all` also lists what has other tags or none, which does
not count either.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from workshop.stack import PROJECT_FOLDER, project, settings

GONE = {
    *("NoSuchBucket", "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException", "ResourceNotFound"),
    *("NotFound", "AWS.SimpleQueueService.NonExistentQueue"),
}
HIDDEN = {"AccessDenied", "AccessDeniedException"}
RUNNING = "InProgress"  # one that is Stopping ends by itself
RUNNING_JOB = "running transform job"

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Found:
    """Something that exists in the account; its tags are None if the caller may not read them."""

    kind: str
    name: str
    tags: Tags | None = ()

    def belongs_to(self, project: str, stack: str) -> bool:
        """Whether its tags name this project and stack."""
        return {("project", project), ("stack", stack)} <= set(self.tags or ())


def main(arguments: Sequence[str]) -> int:
    """List what the stack left in the account; the exit code is 1 if there is something to remove."""
    parser = argparse.ArgumentParser(prog="python -m workshop.leftovers", description=main.__doc__)
    parser.add_argument("--stack", default=os.environ.get("PULUMI_STACK", "dev"))
    parser.add_argument("--all", action="store_true", help="also list what does not have the stack's tags")
    parser.add_argument("--no-records", action="store_true", help="leave out what AWS keeps of jobs that have ended")
    options = parser.parse_args(arguments)
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
    if options.all:
        _print_others([item for item in there if item not in ours])
    return 1 if ours else 0


def everything(session: Session) -> Iterator[Found]:
    """Everything in the account, in the session's region, of the kinds that a stack creates."""
    for listing in (_buckets, _roles, _policies, _vpcs, _clusters, _models, _running_jobs):
        yield from listing(session)
    for kind, listing in OPTIONAL.items():
        yield from _if_allowed(kind, listing, session)


def kept_by_design(session: Session, prefix: str = "") -> Iterator[str]:
    """What AWS keeps of jobs that ended: their records, which cannot be deleted, and their logs.

    Args:
        session: where.
        prefix: the beginning of the jobs' names; empty for every job of the account.
    """
    asked = {"NameContains": prefix} if prefix else {}
    for job in _pages(session, "sagemaker", "list_transform_jobs", "TransformJobSummaries", **asked):
        if job["TransformJobName"].startswith(prefix) and job["TransformJobStatus"] != RUNNING:
            yield f"transform job {job['TransformJobName']} ({job['TransformJobStatus']})"
    groups = _pages(
        session, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix="/aws/sagemaker/TransformJobs"
    )
    yield from (f"log group {group['logGroupName']}" for group in groups)


def _buckets(session: Session) -> Iterator[Found]:
    client = _client(session, "s3")
    for bucket in client.list_buckets()["Buckets"]:
        yield from _tagged("bucket", bucket["Name"], lambda name: _pairs(_bucket_tags(client, name)))


def _bucket_tags(client: Any, name: str) -> list[dict[str, str]]:
    try:
        return client.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return []
        raise


def _roles(session: Session) -> Iterator[Found]:
    client = _client(session, "iam")
    for role in _pages(session, "iam", "list_roles", "Roles"):
        if not role["Path"].startswith("/aws-service-role/"):
            name = role["RoleName"]
            yield from _tagged("role", name, lambda name: _pairs(client.list_role_tags(RoleName=name)["Tags"]))


def _policies(session: Session) -> Iterator[Found]:
    client = _client(session, "iam")
    for policy in _pages(session, "iam", "list_policies", "Policies", Scope="Local"):
        arn = policy["Arn"]
        yield from _tagged("policy", arn, lambda arn: _pairs(client.list_policy_tags(PolicyArn=arn)["Tags"]))


def _vpcs(session: Session) -> Iterator[Found]:
    for vpc in _pages(session, "ec2", "describe_vpcs", "Vpcs"):
        if not vpc["IsDefault"]:
            yield Found("VPC", vpc["VpcId"], _pairs(vpc.get("Tags", [])))


def _clusters(session: Session) -> Iterator[Found]:
    client = _client(session, "eks")
    for cluster in _pages(session, "eks", "list_clusters", "clusters"):
        yield from _tagged(
            "cluster",
            cluster,
            lambda name: tuple(client.describe_cluster(name=name)["cluster"].get("tags", {}).items()),
        )


def _models(session: Session) -> Iterator[Found]:
    client = _client(session, "sagemaker")
    for model in _pages(session, "sagemaker", "list_models", "Models"):
        arn = model["ModelArn"]
        yield from _tagged(
            "model", model["ModelName"], lambda _, arn=arn: _pairs(client.list_tags(ResourceArn=arn)["Tags"])
        )


def _running_jobs(session: Session) -> Iterator[Found]:
    """Jobs that run on although their Kubernetes object is gone: they cost money, and no destroy stops them."""
    client = _client(session, "sagemaker")
    for job in _pages(session, "sagemaker", "list_transform_jobs", "TransformJobSummaries", StatusEquals=RUNNING):
        arn = job["TransformJobArn"]
        yield from _tagged(
            RUNNING_JOB, job["TransformJobName"], lambda _, arn=arn: _pairs(client.list_tags(ResourceArn=arn)["Tags"])
        )


def _schedule_groups(session: Session) -> Iterator[Found]:
    client = _client(session, "scheduler")
    for group in _pages(session, "scheduler", "list_schedule_groups", "ScheduleGroups"):
        if group["Name"] == "default":  # each account has it from the start
            continue
        arn = group["Arn"]
        yield from _tagged(
            "schedule group",
            group["Name"],
            lambda _, arn=arn: _pairs(client.list_tags_for_resource(ResourceArn=arn)["Tags"]),
        )


def _queues(session: Session) -> Iterator[Found]:
    client = _client(session, "sqs")
    for url in (url for page in client.get_paginator("list_queues").paginate() for url in page.get("QueueUrls", [])):
        yield from _tagged(
            "queue", url, lambda url: tuple((client.list_queue_tags(QueueUrl=url).get("Tags") or {}).items())
        )


def _topics(session: Session) -> Iterator[Found]:
    client = _client(session, "sns")
    for topic in _pages(session, "sns", "list_topics", "Topics"):
        yield from _tagged(
            "topic", topic["TopicArn"], lambda arn: _pairs(client.list_tags_for_resource(ResourceArn=arn)["Tags"])
        )


def _rules(session: Session) -> Iterator[Found]:
    client = _client(session, "events")
    for rule in _pages(session, "events", "list_rules", "Rules"):
        arn = rule["Arn"]
        yield from _tagged(
            "rule", rule["Name"], lambda _, arn=arn: _pairs(client.list_tags_for_resource(ResourceARN=arn)["Tags"])
        )


OPTIONAL: Mapping[str, Callable[[Session], Iterator[Found]]] = {
    "schedule groups": _schedule_groups,
    "queues": _queues,
    "topics": _topics,
    "rules": _rules,
}
"""What a stack creates only with certain settings: a deployer who does not use these need not be allowed to list it."""


def _if_allowed(kind: str, listing: Callable[[Session], Iterator[Found]], session: Session) -> Iterator[Found]:
    try:
        yield from listing(session)
    except ClientError as error:
        if error.response["Error"]["Code"] not in HIDDEN | {"AuthorizationError"}:
            raise
        yield Found("all", kind, None)


def _tagged(kind: str, name: str, tags: Callable[[str], Tags]) -> Iterator[Found]:
    """One thing with its tags; nothing if it was deleted since it was listed."""
    try:
        yield Found(kind, name, tags(name))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in HIDDEN:
            yield Found(kind, name, None)
        elif code not in GONE:
            raise


def _pages(session: Session, service: str, operation: str, member: str, **arguments: object) -> Iterator[Any]:
    for page in _client(session, service).get_paginator(operation).paginate(**arguments):
        yield from page[member]


def _client(session: Session, service: str) -> Any:
    return session.client(service)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] boto3 has no types


def _pairs(tags: Iterable[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((tag["Key"], tag["Value"]) for tag in tags or ())


def _print(stack: str, found: Sequence[Found], kept: Sequence[str], hidden: Sequence[Found]) -> None:
    for item in found:
        print(f"left: {item.kind} {item.name}")
        if item.kind == RUNNING_JOB:
            print(f"      aws sagemaker stop-transform-job --transform-job-name {item.name}")
    if found:
        print(f"`make destroy STACK={stack}` removes what Pulumi knows about; delete the rest by hand")
    else:
        print(f"nothing of stack {stack} is left")
    if hidden:
        print(
            f"not checked, because the permission is missing: {len(hidden)}, for example {hidden[0].kind} {hidden[0].name}"
        )
    if kept:
        print(f"SageMaker keeps {len(kept)} records of ended jobs and their logs, for example {kept[0]}.")
        print("They cannot be deleted, do not run, and cost nothing except the logs' storage.")


def _print_others(others: Sequence[Found]) -> None:
    for item in others:
        print(f"not of this stack: {item.kind} {item.name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
