"""Which permissions a call needs: actions on resources, with condition keys.

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
class Permission:
    """One permission: an action on a resource, with the condition keys of this request."""

    action: str
    resource: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


Mapper = Callable[[Call, Directory], Sequence[Permission]]


def required(call: Call, resource: str, keys: Keys | None = None, tagging: str = "") -> list[Permission]:
    """Return the permissions that an operation on one resource needs: for itself, for its tags, for the role that it passes.

    Args:
        call: the call.
        resource: the resource's ARN.
        keys: the service's condition keys.
        tagging: the action that is also needed if the call has tags; empty if tags need no other action.
    """
    tags, prefix = tag_keys(tags_of(call)), _PREFIXES.get(call.service, call.service)
    found = [Permission(f"{prefix}:{call.operation}", resource, {**(keys or {}), **tags})]
    if tags and tagging:
        found.append(Permission(f"{prefix}:{tagging}", resource, tags))
    member, service = _ROLES.get(call.operation, ("", ""))
    if role := at(call.params, member):
        found.append(pass_role(str(role), service))
    return found


def at(params: Mapping[str, Any], member: str) -> Any:
    """Return the value of a member such as `Target.RoleArn`; None if it is not given."""
    value: Any = params
    for name in member.split("."):
        value = (value or {}).get(name)
    return value


def given(call: Call, names: Mapping[str, str]) -> Keys:
    """Return condition keys with the values of a request's members; `names` has the key of each member."""
    return {key: (str(value),) for member, key in names.items() if (value := at(call.params, member))}


def fill(template: str, call: Call) -> str:
    """Fill in a template such as `transform-job/{TransformJobName}`; an argument that is not given becomes `*`."""
    values = {**call.params, "region": call.region, "account": call.principal.account_id}
    return _PLACE.sub(lambda place: str(values.get(place[1]) or "*"), template)


def tags_of(call: Call) -> dict[str, str]:
    """Return the tags in a request, which have another form in each service."""
    found = call.params.get("Tags") or call.params.get("tags") or {}
    if isinstance(found, dict):
        return {str(key): str(value) for key, value in cast("dict[str, Any]", found).items()}
    return {str(row.get("Key") or row.get("key")): str(row.get("Value") or row.get("value") or "") for row in found}


def tag_keys(tags: Mapping[str, str]) -> Keys:
    """Return the condition keys `aws:RequestTag/...` and `aws:TagKeys`."""
    if not tags:
        return {}
    return {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()} | {"aws:tagkeys": tuple(tags)}


def pass_role(role_arn: str, service: str) -> Permission:
    return Permission("iam:PassRole", role_arn, {"iam:passedtoservice": (service,)})


def members(value: Any) -> list[Any]:
    """Return a list argument, which SDKs omit if it is empty."""
    return list(value or [])
