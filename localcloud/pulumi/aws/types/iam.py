"""Roles and policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import Naming, Update
from localcloud.pulumi.wire import Properties, names

_GONE = "NoSuchEntity"
# A principal that a policy names may be too new for IAM to know.
_NEW_PRINCIPAL = {"MalformedPolicyDocument": "Invalid principal"}
_CHANGING = {"ConcurrentModification": None}
_BUSY = {**_CHANGING, "DeleteConflict": None}


def _document(text: Any) -> str:
    """A policy document as text: IAM sends it URL-encoded, and boto3 may have decoded it into an object."""
    return unquote(text) if isinstance(text, str) else json.dumps(text)


def _pages(ask: Callable[..., Any], key: str) -> list[Any]:
    """All entries of a paged list."""
    answer = ask()
    entries = list(answer[key])
    while answer.get("IsTruncated"):
        answer = ask(Marker=answer["Marker"])
        entries += answer[key]
    return entries


# Role

_ROLE = Api(
    token="aws:iam/role:Role",
    service="iam",
    identity="name",
    calls=("CreateRole", "GetRole", "DeleteRole"),
    key="Role",
    gone=(_GONE,),
    names={"assumeRolePolicy": "AssumeRolePolicyDocument", "name": "RoleName", "uniqueId": "RoleId"},
    tagging=Tagging("iam", "TagRole", "UntagRole", parameter="roleName", output="name"),
    settling=_NEW_PRINCIPAL,
    busy=_BUSY,
    busy_seconds=10,
)


def _create_role(cloud: Cloud, inputs: Properties) -> str:
    name = cloud.made(_ROLE.create(cloud, inputs))
    for policy in inputs.get("inlinePolicies") or []:
        cloud.iam("PutRolePolicy", RoleName=name, PolicyName=policy["name"], PolicyDocument=policy["policy"])
    for arn in inputs.get("managedPolicyArns") or []:
        cloud.iam("AttachRolePolicy", RoleName=name, PolicyArn=arn)
    return name


def _inline(cloud: Cloud, role: str) -> list[str]:
    return _pages(lambda **page: cloud.iam("ListRolePolicies", RoleName=role, **page), "PolicyNames")


def _attached(cloud: Cloud, role: str) -> list[str]:
    entries = _pages(lambda **page: cloud.iam("ListAttachedRolePolicies", RoleName=role, **page), "AttachedPolicies")
    return [entry["PolicyArn"] for entry in entries]


def _inline_document(cloud: Cloud, role: str, name: str) -> str:
    return _document(cloud.iam("GetRolePolicy", RoleName=role, PolicyName=name)["PolicyDocument"])


def _read_role(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _ROLE.read(cloud, identity, known)
    return found and {
        **found,
        "assumeRolePolicy": _document(found["assumeRolePolicy"]),
        "permissionsBoundary": (found["permissionsBoundary"] or {}).get("PermissionsBoundaryArn"),
        "managedPolicyArns": sorted(_attached(cloud, identity)),
        "inlinePolicies": [
            {"name": n, "policy": _inline_document(cloud, identity, n)} for n in _inline(cloud, identity)
        ],
    }


def _update_role(cloud: Cloud, update: Update) -> None:
    name, new = update.identity, update.new
    if "assumeRolePolicy" in update.changed:
        trust = new["assumeRolePolicy"]
        _ROLE.settled(cloud, lambda: cloud.iam("UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=trust))
    _ROLE.change(cloud, update, "UpdateRole", Description=new.get("description", ""))
    if "permissionsBoundary" in update.changed:
        boundary = new.get("permissionsBoundary")
        cloud.ask(
            "iam",
            "PutRolePermissionsBoundary" if boundary else "DeleteRolePermissionsBoundary",
            {"roleName": name, "permissionsBoundary": boundary},
        )
    _update_policies_of_role(cloud, update)


def _update_policies_of_role(cloud: Cloud, update: Update) -> None:
    name, new = update.identity, update.new
    if "managedPolicyArns" in update.changed:
        wanted, present = set(new.get("managedPolicyArns") or []), set(_attached(cloud, name))
        for arn in sorted(present - wanted):
            cloud.iam("DetachRolePolicy", RoleName=name, PolicyArn=arn)
        for arn in sorted(wanted - present):
            cloud.iam("AttachRolePolicy", RoleName=name, PolicyArn=arn)
    if "inlinePolicies" in update.changed:
        policies = {p["name"]: p["policy"] for p in new.get("inlinePolicies") or []}
        for surplus in set(_inline(cloud, name)) - set(policies):
            cloud.iam("DeleteRolePolicy", RoleName=name, PolicyName=surplus)
        for policy, text in policies.items():
            cloud.iam("PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=text)


def _delete_role(cloud: Cloud, identity: str, known: Properties) -> None:
    if _ROLE.found(cloud, identity) is None:
        return
    if known.get("forceDetachPolicies") or known.get("managedPolicyArns"):
        for arn in _attached(cloud, identity):
            ignore(lambda a=arn: cloud.iam("DetachRolePolicy", RoleName=identity, PolicyArn=a), _GONE)
    if known.get("forceDetachPolicies") or known.get("inlinePolicies"):
        for name in _inline(cloud, identity):
            ignore(lambda n=name: cloud.iam("DeleteRolePolicy", RoleName=identity, PolicyName=n), _GONE)
    _ROLE.delete(cloud, identity, known)


ROLE = _ROLE.type(
    create=_create_role,
    read=_read_role,
    update=_update_role,
    delete=_delete_role,
    replaces=names("name namePrefix path"),
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    documents=names("assumeRolePolicy"),
    sets=names("managedPolicyArns inlinePolicies"),
    naming=Naming("name", "namePrefix", limit=64),
    regional=False,
)

# Inline policy of a role

_ROLE_POLICY = Api(
    token="aws:iam/rolePolicy:RolePolicy",
    service="iam",
    identity="role:name",
    calls=("PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy"),
    gone=(_GONE,),
    names={"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
    settling={**_NEW_PRINCIPAL, **_CHANGING},
    busy=_CHANGING,
    busy_seconds=120,
)


def _read_role_policy(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _ROLE_POLICY.read(cloud, identity, known)
    return found and {**found, "policy": _document(found["policy"])}


ROLE_POLICY = _ROLE_POLICY.type(
    read=_read_role_policy,
    update=lambda cloud, update: _ROLE_POLICY.create(cloud, update.new),
    replaces=names("name namePrefix role"),
    documents=names("policy"),
    naming=Naming("name", "namePrefix", limit=128),
    regional=False,
)

# Attachment of a managed policy

_ATTACHMENT = Api(
    token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    service="iam",
    identity="role/policyArn",
    calls=("AttachRolePolicy", "ListAttachedRolePolicies", "DetachRolePolicy"),
    gone=(_GONE,),
    names={"role": "RoleName"},
    settling=_CHANGING,
    busy=_CHANGING,
    busy_seconds=120,
)


def _read_attachment(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    keys = _ATTACHMENT.keys(identity)
    found = absent_as_none(lambda: _attached(cloud, keys["role"]), _GONE)
    return keys if found and keys["policyArn"] in found else None


ROLE_POLICY_ATTACHMENT = _ATTACHMENT.type(
    read=_read_attachment,
    replaces=names("role policyArn"),
    regional=False,
)

# Managed policy

_VERSIONS = 5  # IAM keeps this many versions of a policy
_POLICY = Api(
    token="aws:iam/policy:Policy",
    service="iam",
    identity="arn",
    calls=("CreatePolicy", "GetPolicy", "DeletePolicy"),
    key="Policy",
    gone=(_GONE,),
    names={"arn": "PolicyArn", "name": "PolicyName", "policy": "PolicyDocument"},
    tagging=Tagging("iam", "TagPolicy", "UntagPolicy", parameter="policyArn"),
    busy=_BUSY,
    busy_seconds=10,
)


def _read_policy(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _POLICY.found(cloud, identity)
    if found is None:
        return None
    version = cloud.iam("GetPolicyVersion", PolicyArn=identity, VersionId=found["DefaultVersionId"])
    return {**_POLICY.outputs(cloud, identity, found), "policy": _document(version["PolicyVersion"]["Document"])}


def _other_versions(cloud: Cloud, arn: str) -> list[Any]:
    versions = _pages(lambda **page: cloud.iam("ListPolicyVersions", PolicyArn=arn, **page), "Versions")
    return [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]


def _update_policy(cloud: Cloud, update: Update) -> None:
    if "policy" not in update.changed:
        return
    versions = _other_versions(cloud, update.identity)
    if len(versions) >= _VERSIONS - 1:
        oldest = min(versions, key=lambda version: int(version[1:]))
        cloud.iam("DeletePolicyVersion", PolicyArn=update.identity, VersionId=oldest)
    text = update.new["policy"]
    cloud.iam("CreatePolicyVersion", PolicyArn=update.identity, PolicyDocument=text, SetAsDefault=True)


def _delete_policy(cloud: Cloud, identity: str, known: Properties) -> None:
    for version in absent_as_none(lambda: _other_versions(cloud, identity), _GONE) or []:
        ignore(lambda v=version: cloud.iam("DeletePolicyVersion", PolicyArn=identity, VersionId=v), _GONE)
    _POLICY.delete(cloud, identity, known)


POLICY = _POLICY.type(
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
    replaces=names("name namePrefix path description"),
    defaults={"path": "/"},
    documents=names("policy"),
    unsupported=names("delayAfterPolicyCreationInMs"),
    naming=Naming("name", "namePrefix", limit=128),
    regional=False,
)

TYPES = (
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
    POLICY,
)
