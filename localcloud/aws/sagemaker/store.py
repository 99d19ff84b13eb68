"""What SageMaker remembers of each region: models and transform jobs, with their ARNs and tags.

The tag operations are here too, since tags are members of these records.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from localcloud.aws.protocol import validation
from localcloud.aws.sagemaker.errors import ValidationError, foreign_token
from localcloud.batch_transform.state import JobState
from localcloud.batch_transform.unverified import Choices

Tags = dict[str, str]
_MOST_TAGS = 50


def model_arn(region: str, account_id: str, name: str) -> str:
    return f"{_prefix(region, account_id)}:model/{name}"


def transform_job_arn(region: str, account_id: str, name: str, choices: Choices | None = None) -> str:
    """The ARN of a job, in answers and for policies alike; by a switch its name is written in lower case."""
    keeps_case = (choices or _choices()).job_arn_keeps_case
    return f"{_prefix(region, account_id)}:transform-job/{name if keeps_case else name.lower()}"


@cache
def _choices() -> Choices:
    return Choices.from_environment()


def _prefix(region: str, account_id: str) -> str:
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:sagemaker:{region}:{account_id}"


@dataclass
class ModelRecord:
    """A model as it was created."""

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    creation_time: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class JobRecord:
    """A transform job: its request never changes, its state does."""

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    state: JobState


@dataclass(frozen=True)
class Region:
    """The models and jobs of one region. Hold `lock` while reading more than one of them or changing any."""

    name: str
    account_id: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    models: dict[str, ModelRecord] = field(default_factory=dict[str, ModelRecord])
    jobs: dict[str, JobRecord] = field(default_factory=dict[str, JobRecord])


class Regions:
    """All regions of the account; each is made when it is first used."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._lock = threading.Lock()
        self._regions: dict[str, Region] = {}

    def get(self, name: str) -> Region:
        with self._lock:
            return self._regions.setdefault(name, Region(name, self._account_id))


def tags_from(tags: Sequence[Mapping[str, str]] | None) -> Tags:
    """The API's list of tags as a mapping.

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
    size = request.get("MaxResults") or _MOST_TAGS
    shown, token = validation.page(tags, request.get("NextToken"), size, foreign_token())
    return {"Tags": shown, **({"NextToken": token} if token else {})}


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
