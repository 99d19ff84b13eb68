"""Which permissions a call needs: actions, resource ARNs and the condition keys that come with them.

Each service has a function in one of these modules, after AWS's service authorization reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.documents import Keys
from localcloud.aws.protocol.wire import Call

EC2_SERVICE = "ec2.amazonaws.com"
EKS_SERVICE = "eks.amazonaws.com"
PODS_SERVICE = "pods.eks.amazonaws.com"
CAPABILITIES_SERVICE = "capabilities.eks.amazonaws.com"
SAGEMAKER_SERVICE = "sagemaker.amazonaws.com"
SCHEDULER_SERVICE = "scheduler.amazonaws.com"
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Need:
    """One permission: an action on a resource, with the condition keys of this request."""

    action: str
    resource: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


Mapper = Callable[[Call, Directory], Sequence[Need]]


def fill(template: str, call: Call) -> str:
    """A resource ARN from a template such as `transform-job/{TransformJobName}`; a missing argument becomes `*`."""

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name == "region":
            return call.region
        if name == "account":
            return call.principal.account_id
        value = call.params.get(name)
        return str(value) if value else "*"

    return _PLACE.sub(replace, template)


def tags_of(call: Call) -> dict[str, str]:
    """The tags in a request, in the form of any service."""
    found = call.params.get("Tags") or call.params.get("tags") or {}
    if isinstance(found, dict):
        return {str(key): str(value) for key, value in cast("dict[str, Any]", found).items()}
    return {str(row.get("Key") or row.get("key")): str(row.get("Value") or row.get("value") or "") for row in found}


def tag_keys(tags: Mapping[str, str]) -> Keys:
    """`aws:RequestTag/...` and `aws:TagKeys`."""
    if not tags:
        return {}
    return {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()} | {"aws:tagkeys": tuple(tags)}


def pass_role(role_arn: str, service: str) -> Need:
    return Need("iam:PassRole", role_arn, {"iam:passedtoservice": (service,)})


def members(value: Any) -> list[Any]:
    """A list argument, which SDKs omit if it is empty."""
    return list(value or [])
