"""Roles and policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.endpoint import AwsError
from localcloud.pulumi.aws.resource import Naming, ResourceType, Update, names, tag_list, tag_map, tagger
from localcloud.pulumi.wire import Properties

_GONE = "NoSuchEntity"
# A principal that a policy names may be too new for IAM to know.
_NEW_PRINCIPAL = {"MalformedPolicyDocument": "Invalid principal"}
_BUSY = {"ConcurrentModification": None, "DeleteConflict": None}
_CHANGING = {"ConcurrentModification": None}


def _document(text: Any) -> str:
    """A policy document as IAM returns it: a dict from boto3, URL-encoded JSON on the wire."""
    import json  # noqa: PLC0415  for this line only

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


def _create_role(cloud: Cloud, inputs: Properties) -> str:
    name = inputs["name"]
    cloud.retry(
        lambda: cloud.iam(
            "CreateRole",
            RoleName=name,
            Path=inputs["path"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Description=inputs.get("description"),
            MaxSessionDuration=inputs["maxSessionDuration"],
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=tag_list(inputs.get("tagsAll")),
        ),
        codes=_NEW_PRINCIPAL,
    )
    cloud.made(name)
    for policy in inputs.get("inlinePolicies") or []:
        cloud.iam("PutRolePolicy", RoleName=name, PolicyName=policy["name"], PolicyDocument=policy["policy"])
    for arn in inputs.get("managedPolicyArns") or []:
        cloud.iam("AttachRolePolicy", RoleName=name, PolicyArn=arn)
    return name


def _role(cloud: Cloud, name: str) -> Any:
    answer = absent_as_none(lambda: cloud.iam("GetRole", RoleName=name), _GONE)
    return answer["Role"] if answer else None


def _inline(cloud: Cloud, role: str) -> list[str]:
    return _pages(lambda **page: cloud.iam("ListRolePolicies", RoleName=role, **page), "PolicyNames")


def _attached(cloud: Cloud, role: str) -> list[str]:
    entries = _pages(lambda **page: cloud.iam("ListAttachedRolePolicies", RoleName=role, **page), "AttachedPolicies")
    return [entry["PolicyArn"] for entry in entries]


def _read_role(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _role(cloud, identity)
    if found is None:
        return None
    return {
        "name": identity,
        "arn": found["Arn"],
        "path": found["Path"],
        "uniqueId": found["RoleId"],
        "createDate": found["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "assumeRolePolicy": _document(found["AssumeRolePolicyDocument"]),
        "description": found.get("Description") or "",
        "maxSessionDuration": found.get("MaxSessionDuration", 3600),
        "permissionsBoundary": (found.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "namePrefix": known.get("namePrefix") or "",
        "managedPolicyArns": sorted(_attached(cloud, identity)),
        "inlinePolicies": [
            {"name": n, "policy": _document(_inline_document(cloud, identity, n))} for n in _inline(cloud, identity)
        ],
        "tagsAll": tag_map(found.get("Tags")),
    }


def _inline_document(cloud: Cloud, role: str, name: str) -> Any:
    return cloud.iam("GetRolePolicy", RoleName=role, PolicyName=name)["PolicyDocument"]


def _update_role(cloud: Cloud, update: Update) -> None:
    name, new = update.identity, update.new
    if "assumeRolePolicy" in update.changed:
        document = new["assumeRolePolicy"]
        cloud.retry(
            lambda: cloud.iam("UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=document), codes=_NEW_PRINCIPAL
        )
    if {"description", "maxSessionDuration"} & update.changed:
        cloud.iam(
            "UpdateRole",
            RoleName=name,
            Description=new.get("description", ""),
            MaxSessionDuration=new["maxSessionDuration"],
        )
    if "permissionsBoundary" in update.changed:
        _set_boundary(cloud, name, new.get("permissionsBoundary"))
    _update_policies_of_role(cloud, update)


def _set_boundary(cloud: Cloud, role: str, arn: str | None) -> None:
    if arn:
        cloud.iam("PutRolePermissionsBoundary", RoleName=role, PermissionsBoundary=arn)
    else:
        cloud.iam("DeleteRolePermissionsBoundary", RoleName=role)


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
        for policy, document in policies.items():
            cloud.iam("PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=document)


def _delete_role(cloud: Cloud, identity: str, known: Properties) -> None:
    if _role(cloud, identity) is None:
        return
    if known.get("forceDetachPolicies") or known.get("managedPolicyArns"):
        for arn in _attached(cloud, identity):
            ignore(lambda a=arn: cloud.iam("DetachRolePolicy", RoleName=identity, PolicyArn=a), _GONE)
    if known.get("forceDetachPolicies") or known.get("inlinePolicies"):
        for name in _inline(cloud, identity):
            ignore(lambda n=name: cloud.iam("DeleteRolePolicy", RoleName=identity, PolicyName=n), _GONE)
    ignore(lambda: cloud.retry(lambda: cloud.iam("DeleteRole", RoleName=identity), codes=_BUSY, seconds=10), _GONE)


ROLE = ResourceType(
    token="aws:iam/role:Role",
    create=_create_role,
    read=_read_role,
    update=_update_role,
    delete=_delete_role,
    tagger=tagger("iam", "Role", "RoleName"),
    replaces=names("name namePrefix path"),
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    documents=names("assumeRolePolicy"),
    sets=names("managedPolicyArns inlinePolicies"),
    naming=Naming("name", "namePrefix", limit=64),
    regional=False,
)

# Inline policy of a role


def _put_role_policy(cloud: Cloud, inputs: Properties) -> str:
    role, name, document = inputs["role"], inputs["name"], inputs["policy"]
    cloud.retry(
        lambda: cloud.iam("PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=document),
        codes={**_NEW_PRINCIPAL, **_CHANGING},
    )
    return f"{role}:{name}"


def _read_role_policy(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    role, _, name = identity.partition(":")
    found = absent_as_none(lambda: cloud.iam("GetRolePolicy", RoleName=role, PolicyName=name), _GONE)
    if found is None:
        return None
    return {
        "role": role,
        "name": name,
        "namePrefix": known.get("namePrefix") or "",
        "policy": _document(found["PolicyDocument"]),
    }


def _update_role_policy(cloud: Cloud, update: Update) -> None:
    _put_role_policy(cloud, update.new)


def _delete_role_policy(cloud: Cloud, identity: str, known: Properties) -> None:
    role, _, name = identity.partition(":")
    ignore(
        lambda: cloud.retry(lambda: cloud.iam("DeleteRolePolicy", RoleName=role, PolicyName=name), codes=_CHANGING),
        _GONE,
    )


ROLE_POLICY = ResourceType(
    token="aws:iam/rolePolicy:RolePolicy",
    create=_put_role_policy,
    read=_read_role_policy,
    update=_update_role_policy,
    delete=_delete_role_policy,
    replaces=names("name namePrefix role"),
    documents=names("policy"),
    naming=Naming("name", "namePrefix", limit=128),
    regional=False,
)

# Attachment of a managed policy


def _attach_policy(cloud: Cloud, inputs: Properties) -> str:
    role, arn = inputs["role"], inputs["policyArn"]
    cloud.retry(lambda: cloud.iam("AttachRolePolicy", RoleName=role, PolicyArn=arn), codes=_CHANGING)
    return f"{inputs['role']}/{inputs['policyArn']}"


def _read_attachment(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    role, _, arn = identity.partition("/")
    found = absent_as_none(lambda: _attached(cloud, role), _GONE)
    return {"role": role, "policyArn": arn, "id": identity} if found and arn in found else None


def _detach_policy(cloud: Cloud, identity: str, known: Properties) -> None:
    role, arn = known["role"], known["policyArn"]
    ignore(
        lambda: cloud.retry(lambda: cloud.iam("DetachRolePolicy", RoleName=role, PolicyArn=arn), codes=_CHANGING), _GONE
    )


ROLE_POLICY_ATTACHMENT = ResourceType(
    token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    create=_attach_policy,
    read=_read_attachment,
    delete=_detach_policy,
    replaces=names("role policyArn"),
    regional=False,
)

# Managed policy

_VERSIONS = 5  # IAM keeps this many versions of a policy


def _create_policy(cloud: Cloud, inputs: Properties) -> str:
    return cloud.iam(
        "CreatePolicy",
        PolicyName=inputs["name"],
        Path=inputs["path"],
        Description=inputs.get("description"),
        PolicyDocument=inputs["policy"],
        Tags=tag_list(inputs.get("tagsAll")),
    )["Policy"]["Arn"]


def _policy(cloud: Cloud, arn: str) -> Any:
    answer = absent_as_none(lambda: cloud.iam("GetPolicy", PolicyArn=arn), _GONE)
    return answer["Policy"] if answer else None


def _read_policy(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _policy(cloud, identity)
    if found is None:
        return None
    version = cloud.iam("GetPolicyVersion", PolicyArn=identity, VersionId=found["DefaultVersionId"])
    return {
        "arn": identity,
        "name": found["PolicyName"],
        "namePrefix": known.get("namePrefix") or "",
        "path": found["Path"],
        "policyId": found["PolicyId"],
        "description": found.get("Description") or "",
        "attachmentCount": found.get("AttachmentCount", 0),
        "policy": _document(version["PolicyVersion"]["Document"]),
        "tagsAll": tag_map(found.get("Tags")),
    }


def _policy_versions(cloud: Cloud, arn: str) -> list[Any]:
    return _pages(lambda **page: cloud.iam("ListPolicyVersions", PolicyArn=arn, **page), "Versions")


def _update_policy(cloud: Cloud, update: Update) -> None:
    if "policy" not in update.changed:
        return
    versions = [v for v in _policy_versions(cloud, update.identity) if not v["IsDefaultVersion"]]
    if len(versions) >= _VERSIONS - 1:
        oldest = min(versions, key=lambda v: int(v["VersionId"][1:]))
        cloud.iam("DeletePolicyVersion", PolicyArn=update.identity, VersionId=oldest["VersionId"])
    document = update.new["policy"]
    cloud.iam("CreatePolicyVersion", PolicyArn=update.identity, PolicyDocument=document, SetAsDefault=True)


def _delete_policy(cloud: Cloud, identity: str, known: Properties) -> None:
    try:
        for version in _policy_versions(cloud, identity):
            if not version["IsDefaultVersion"]:
                cloud.iam("DeletePolicyVersion", PolicyArn=identity, VersionId=version["VersionId"])
        cloud.retry(lambda: cloud.iam("DeletePolicy", PolicyArn=identity), codes=_BUSY, seconds=10)
    except AwsError as e:
        if e.code != _GONE:
            raise


POLICY = ResourceType(
    token="aws:iam/policy:Policy",
    create=_create_policy,
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
    tagger=tagger("iam", "Policy", "PolicyArn"),
    replaces=names("name namePrefix path description"),
    defaults={"path": "/"},
    documents=names("policy"),
    unsupported=names("delayAfterPolicyCreationInMs"),
    naming=Naming("name", "namePrefix", limit=128),
    regional=False,
)
