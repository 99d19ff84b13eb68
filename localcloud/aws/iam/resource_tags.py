"""Tags of what a call touches, for the condition keys `aws:ResourceTag/...`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, cast

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Keys

Lookup = Callable[[str], Mapping[str, str]]


class ResourceTags:
    """Finds the tags of a resource by its ARN; of a service that nobody looks up, there are none.

    Attributes:
        lookups: by the service part of the ARN.
    """

    def __init__(self) -> None:
        self.lookups: dict[str, Lookup] = {}

    def keys(self, arn: str) -> Keys:
        parts = arn.split(":", 5)
        lookup = self.lookups.get(parts[2]) if len(parts) == 6 else None
        if lookup is None:
            return {}
        keys: Keys = {}
        for name, value in lookup(arn).items():
            keys[f"aws:resourcetag/{name.lower()}"] = keys[f"{parts[2]}:resourcetag/{name.lower()}"] = (value,)
        return keys


def of_ec2(account_id: str, lock: RLock) -> Lookup:
    def find(arn: str) -> Mapping[str, str]:
        from moto.ec2.models import ec2_backends  # noqa: PLC0415  loaded by the prewarm, not at start

        identifier = arn.rpartition("/")[2]
        if identifier == "*":
            return {}
        with lock:
            return dict(cast("Any", ec2_backends[account_id][arn.split(":")[3]]).tags.get(identifier) or {})

    return find


def of_roles(directory: Directory) -> Lookup:
    def find(arn: str) -> Mapping[str, str]:
        role = directory.role(arn) if ":role/" in arn else None
        return role.tags if role is not None else {}

    return find
