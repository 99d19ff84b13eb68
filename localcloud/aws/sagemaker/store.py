"""SageMaker's records in each region: models and transform jobs, their ARNs, their tags, and how they are listed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.protocol import validation
from localcloud.aws.sagemaker.errors import ValidationError
from localcloud.batch_transform.job import JobState

Tags = dict[str, str]
_MOST_TAGS = 50
_PAGE = 10  # items, if the request sets no MaxResults


def model_arn(region: str, account_id: str, name: str) -> str:
    return f"{_prefix(region, account_id)}:model/{name}"


def transform_job_arn(region: str, account_id: str, name: str) -> str:
    return f"{_prefix(region, account_id)}:transform-job/{name}"


def _prefix(region: str, account_id: str) -> str:
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:sagemaker:{region}:{account_id}"


@dataclass
class ModelRecord:
    """A model: its request, without the tags, never changes."""

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    creation_time: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class JobRecord:
    """A transform job: its request, without the tags, never changes; its state does."""

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    state: JobState


@dataclass(frozen=True)
class Region:
    """The models and jobs of one region. Hold `lock` while you read several records or change one."""

    name: str
    account_id: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    models: dict[str, ModelRecord] = field(default_factory=dict[str, ModelRecord])
    jobs: dict[str, JobRecord] = field(default_factory=dict[str, JobRecord])


def tags_from(tags: Sequence[Mapping[str, str]] | None) -> Tags:
    """Return the API's list of tags as a mapping.

    Raises:
        ValidationError: a key is given twice.
    """
    found: Tags = {}
    for tag in tags or ():
        if tag["Key"] in found:
            raise ValidationError(
                f"Duplicate tag keys found. Please note that tag keys are case insensitive. {tag['Key']}"
            )
        found[tag["Key"]] = tag["Value"]
    return found


def without_tags(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request without its tags, which a description does not show."""
    return {name: value for name, value in request.items() if name != "Tags"}


def add_tags(region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
    with region.lock:
        tags = _tags(region, request["ResourceArn"])
        merged = {**tags, **tags_from(request["Tags"])}
        if len(merged) > _MOST_TAGS:
            raise ValidationError(f"A resource can have at most {_MOST_TAGS} tags, this one would have {len(merged)}.")
        tags.update(merged)
        return {"Tags": _as_list(tags)}


def list_tags(region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
    with region.lock:
        tags = _as_list(_tags(region, request["ResourceArn"]))
    return validation.page("Tags", tags, request, size=_MOST_TAGS)


def delete_tags(region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
    with region.lock:
        tags = _tags(region, request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
    return {}


def _tags(region: Region, arn: str) -> Tags:
    for record in (*region.models.values(), *region.jobs.values()):
        if record.arn == arn:
            return record.tags
    raise ValidationError(f"Could not find resource with ARN {arn}.")


def _as_list(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def page(key: str, kind: str, items: list[dict[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page of a List operation that a request asks for, filtered and sorted.

    Args:
        key: the member of the answer that holds the items.
        kind: `Model` or `TransformJob`, with which the names of some members begin.
        items: the summaries of all models or jobs.
        request: the arguments of the operation.
    """
    name, sort_by = f"{kind}Name", request.get("SortBy") or "CreationTime"
    member = sort_by if sort_by == "CreationTime" else f"{kind}{sort_by}"
    found = [item for item in items if _wanted(item, request, kind)]
    found.sort(key=lambda item: (item[member], item[name]), reverse=request.get("SortOrder") != "Ascending")
    return validation.page(key, found, request, size=_PAGE)


def _wanted(item: Mapping[str, Any], request: Mapping[str, Any], kind: str) -> bool:
    if (request.get("NameContains") or "").lower() not in item[f"{kind}Name"].lower():
        return False
    status = request.get("StatusEquals")
    if status and item[f"{kind}Status"] != status:
        return False
    times = ("CreationTime", "LastModifiedTime")
    return all(_in_time(item[member], request, member) for member in times if member in item)


def _in_time(moment: datetime, request: Mapping[str, Any], prefix: str) -> bool:
    after, before = request.get(f"{prefix}After"), request.get(f"{prefix}Before")
    return (after is None or moment > after) and (before is None or moment < before)
