"""AddTags, ListTags, DeleteTags for models and transform jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.aws.sagemaker.faults import ValidationError
from localcloud.aws.sagemaker.listing import cut
from localcloud.aws.sagemaker.regions import Region
from localcloud.aws.sagemaker.store import Tags

_MOST_TAGS = 50


def from_list(tags: Sequence[Mapping[str, str]] | None) -> Tags:
    """Tags as the API passes them, as a mapping; a key given twice is refused."""
    found: Tags = {}
    for tag in tags or ():
        if tag["Key"] in found:
            raise ValidationError(
                f"Duplicate tag keys found. Please note that tag keys are case insensitive. {tag['Key']}"
            )
        found[tag["Key"]] = tag["Value"]
    return found


def add(region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
    with region.store.lock:
        tags = _tags(region, request["ResourceArn"])
        merged = {**tags, **from_list(request["Tags"])}
        if len(merged) > _MOST_TAGS:
            raise ValidationError(f"A resource can have at most {_MOST_TAGS} tags, this one would have {len(merged)}.")
        tags.update(merged)
        return {"Tags": _as_list(tags)}


def list_tags(region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
    with region.store.lock:
        tags = _as_list(_tags(region, request["ResourceArn"]))
    shown, token = cut(tags, request, default=50)
    return {"Tags": shown, **token}


def delete(region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
    with region.store.lock:
        tags = _tags(region, request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
    return {}


def _tags(region: Region, arn: str) -> Tags:
    tags = region.store.tags_of(arn)
    if tags is None:
        raise ValidationError(f"Could not find resource with ARN {arn}.")
    return tags


def _as_list(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
