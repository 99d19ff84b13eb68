"""Which permissions a call needs: actions, resource ARNs and the condition keys that come with them.

Each service has a function in `services` or `s3`, after AWS's service authorization reference
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
_PREFIXES = {"resourcegroupstaggingapi": "tag", "s3control": "s3", "service-quotas": "servicequotas"}
# Operation -> the member with the role that it passes, and the service that gets the role.
_ROLES = {
    "CreateModel": ("ExecutionRoleArn", SAGEMAKER_SERVICE),
    "CreateCluster": ("roleArn", EKS_SERVICE),
    "CreateNodegroup": ("nodeRole", EKS_SERVICE),
    **dict.fromkeys(("CreateAddon", "UpdateAddon"), ("serviceAccountRoleArn", EKS_SERVICE)),
    **dict.fromkeys(("CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"), ("roleArn", PODS_SERVICE)),
    **dict.fromkeys(("CreateCapability", "UpdateCapability"), ("roleArn", CAPABILITIES_SERVICE)),
    **dict.fromkeys(("CreateSchedule", "UpdateSchedule"), ("Target.RoleArn", SCHEDULER_SERVICE)),
}


@dataclass(frozen=True)
class Need:
    """One permission: an action on a resource, with the condition keys of this request."""

    action: str
    resource: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


Mapper = Callable[[Call, Directory], Sequence[Need]]


def needed(call: Call, resource: str, keys: Keys | None = None, tagging: str = "") -> list[Need]:
    """The needs of an operation on one resource: its own action, that of the tags it gives, and the role that it passes.

    Args:
        call: the call.
        resource: the resource's ARN.
        keys: condition keys of the service.
        tagging: the action that tags need besides the operation's own; empty if there is none.
    """
    tags, prefix = tag_keys(tags_of(call)), _PREFIXES.get(call.service, call.service)
    found = [Need(f"{prefix}:{call.operation}", resource, {**(keys or {}), **tags})]
    if tags and tagging:
        found.append(Need(f"{prefix}:{tagging}", resource, tags))
    member, service = _ROLES.get(call.operation, ("", ""))
    if role := at(call.params, member):
        found.append(pass_role(str(role), service))
    return found


def at(params: Mapping[str, Any], member: str) -> Any:
    """The value of a member such as `Target.RoleArn`; None if it is not given."""
    value: Any = params
    for name in member.split("."):
        value = (value or {}).get(name)
    return value


def given(call: Call, names: Mapping[str, str]) -> Keys:
    """The condition keys that have the values of a request's members, by those members."""
    return {key: (str(value),) for member, key in names.items() if (value := at(call.params, member))}


def fill(template: str, call: Call) -> str:
    """A resource ARN from a template such as `transform-job/{TransformJobName}`; a missing argument becomes `*`."""
    values = {**call.params, "region": call.region, "account": call.principal.account_id}
    return _PLACE.sub(lambda place: str(values.get(place[1]) or "*"), template)


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
