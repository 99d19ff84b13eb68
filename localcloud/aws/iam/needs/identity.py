"""Permissions of IAM."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Keys, Need, tag_keys, tags_of
from localcloud.aws.wire import Call

_BY_NAME = (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"))


def iam(call: Call, directory: Directory) -> Sequence[Need]:
    tags = tag_keys(tags_of(call))
    resource = _resource(call, directory)
    found = [Need(f"iam:{call.operation}", resource, {**tags, **_keys(call)})]
    kind = call.operation.removeprefix("Create")
    if tags and kind in {"Role", "Policy", "User", "InstanceProfile"}:
        found.append(Need(f"iam:Tag{kind}", resource, tags))
    if call.operation == "AddRoleToInstanceProfile":
        role = directory.arn("role", str(call.params.get("RoleName")))
        found.append(Need("iam:PassRole", role, {"iam:passedtoservice": ("ec2.amazonaws.com",)}))
    return found


def _resource(call: Call, directory: Directory) -> str:
    params, account = call.params, call.principal.account_id
    prefix = f"arn:aws:iam::{account}:"
    path = str(params.get("Path") or "/")
    if params.get("PolicyArn") and "RoleName" not in params and "UserName" not in params and "GroupName" not in params:
        return str(params["PolicyArn"])
    if params.get("InstanceProfileName"):
        return f"{prefix}instance-profile{path}{params['InstanceProfileName']}"
    if call.operation == "CreatePolicy":
        return f"{prefix}policy{path}{params.get('PolicyName')}"
    for name, kind in _BY_NAME:
        if params.get(name):
            created = call.operation == f"Create{kind.capitalize()}"
            return f"{prefix}{kind}{path}{params[name]}" if created else directory.arn(kind, str(params[name]))
    if params.get("OpenIDConnectProviderArn"):
        return str(params["OpenIDConnectProviderArn"])
    if call.operation.startswith("List") or call.operation.startswith("GetAccount"):
        return "*"
    return f"arn:aws:iam::{account}:user/*" if "User" in call.operation else "*"


def _keys(call: Call) -> Keys:
    keys: Keys = {}
    if call.params.get("PolicyArn"):
        keys["iam:policyarn"] = (str(call.params["PolicyArn"]),)
    if call.params.get("PermissionsBoundary"):
        keys["iam:permissionsboundary"] = (str(call.params["PermissionsBoundary"]),)
    if call.params.get("AWSServiceName"):
        keys["iam:awsservicename"] = (str(call.params["AWSServiceName"]),)
    return keys
