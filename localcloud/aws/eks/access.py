"""Access entries and access policies: which IAM principals may use a cluster, and in which Kubernetes groups."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.aws.eks.store import (
    ENTRY,
    ClusterRecord,
    Record,
    Store,
    in_use,
    invalid,
    invalid_request,
    not_found,
    now,
    page,
)
from localcloud.aws.protocol.wire import Call, Operation

ACCESS_POLICY = "arn:aws:eks::aws:cluster-access-policy/"
ADMINISTRATORS = "system:masters"
# Access policy -> the RBAC group that represents it here. EKS authorises access policies itself; the local cluster has
# RBAC only, so each maps to a group. Kubernetes itself binds the administrators' group, `cluster.rbac` the others.
_GROUPS = {
    "AmazonEKSClusterAdminPolicy": ADMINISTRATORS,
    "AmazonEKSAdminPolicy": "eks-access-policy:admin",
    "AmazonEKSEditPolicy": "eks-access-policy:edit",
    "AmazonEKSViewPolicy": "eks-access-policy:view",
    "AmazonEKSAdminViewPolicy": "eks-access-policy:admin-view",
}
_PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(role|user)/(?:.*/)?([^/]+)")
_NODE_TYPE = "EC2_LINUX"
_API_MODES = {"API", "API_AND_CONFIG_MAP"}


class Access:
    """The access operations of EKS."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateAccessEntry": self.create,
            "DescribeAccessEntry": self.describe,
            "UpdateAccessEntry": self.update,
            "DeleteAccessEntry": self.delete,
            "ListAccessEntries": self.list,
            "AssociateAccessPolicy": self.associate,
            "DisassociateAccessPolicy": self.disassociate,
            "ListAssociatedAccessPolicies": self.list_associated,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        cluster = self._store.active_cluster(call.params["clusterName"])
        return {"accessEntry": new_entry(cluster, call.params["principalArn"], call.params)}

    def describe(self, call: Call) -> Mapping[str, Any]:
        return {"accessEntry": self._find(call)[1]}

    def update(self, call: Call) -> Mapping[str, Any]:
        entry = self._find(call)[1]
        if "kubernetesGroups" in call.params:
            entry["kubernetesGroups"] = _checked_groups(call.params["kubernetesGroups"])
        if call.params.get("username"):
            entry["username"] = call.params["username"]
        entry["modifiedAt"] = now()
        return {"accessEntry": entry}

    def delete(self, call: Call) -> Mapping[str, Any]:
        cluster, entry = self._find(call)
        cluster.access_entries.pop(entry["principalArn"])
        cluster.access_policies.pop(entry["principalArn"], None)
        return {}

    def list(self, call: Call) -> Mapping[str, Any]:
        cluster = self._api_cluster(call)
        wanted = call.params.get("associatedPolicyArn")
        arns = [arn for arn in cluster.access_entries if not wanted or wanted in cluster.access_policies.get(arn, {})]
        return page(sorted(arns), call.params, "accessEntries")

    def associate(self, call: Call) -> Mapping[str, Any]:
        cluster, entry = self._find(call)
        principal_arn, policy_arn = entry["principalArn"], call.params["policyArn"]
        if policy_arn.removeprefix(ACCESS_POLICY) not in _GROUPS:
            raise invalid(f"The policyArn parameter format is not valid: {policy_arn}")
        if entry["type"] != "STANDARD":
            raise invalid_request(
                f"An access policy cannot be associated with an access entry of type {entry['type']}."
            )
        associated = _associate(cluster, principal_arn, policy_arn, call.params["accessScope"])
        return {"clusterName": cluster.name, "principalArn": principal_arn, "associatedAccessPolicy": associated}

    def disassociate(self, call: Call) -> Mapping[str, Any]:
        cluster, entry = self._find(call)
        held = cluster.access_policies.get(entry["principalArn"], {})
        if held.pop(call.params["policyArn"], None) is None:
            raise not_found(f"Policy {call.params['policyArn']} is not associated with {entry['principalArn']}.")
        return {}

    def list_associated(self, call: Call) -> Mapping[str, Any]:
        cluster, entry = self._find(call)
        principal_arn = entry["principalArn"]
        held = list(cluster.access_policies.get(principal_arn, {}).values())
        return {"clusterName": cluster.name, "principalArn": principal_arn, "associatedAccessPolicies": held}

    def _api_cluster(self, call: Call) -> ClusterRecord:
        cluster = self._store.cluster(call.params["clusterName"])
        _check_mode(cluster)
        return cluster

    def _find(self, call: Call) -> tuple[ClusterRecord, Record]:
        self._api_cluster(call)
        return ENTRY.find(self._store, call)


def new_entry(cluster: ClusterRecord, principal_arn: str, params: Mapping[str, Any]) -> Record:
    """Create the access entry of a principal.

    Args:
        cluster: the cluster that gets the entry.
        principal_arn: a role or user of IAM.
        params: optional members of CreateAccessEntry: `kubernetesGroups`, `tags`, `type` and `username`.

    Raises:
        AwsError: the principal has an entry already, or the cluster does not use entries.
    """
    _check_mode(cluster)
    if principal_arn in cluster.access_entries:
        raise in_use("The specified access entry resource is already in use on this cluster.")
    region, account_id = cluster.description["arn"].split(":")[3:5]
    principal = _PRINCIPAL.fullmatch(principal_arn)
    if principal is None:
        raise invalid(f"The principalArn parameter format is not valid: {principal_arn}")
    kind, name = principal.groups()
    prefix = f"arn:aws:eks:{region}:{account_id}:access-entry/{cluster.name}/{kind}/{account_id}"
    entry: Record = {
        "clusterName": cluster.name,
        "principalArn": principal_arn,
        "kubernetesGroups": _checked_groups(params.get("kubernetesGroups") or []),
        "accessEntryArn": f"{prefix}/{name}/{uuid.uuid4()}",
        "createdAt": now(),
        "modifiedAt": now(),
        "tags": dict(params.get("tags") or {}),
        "username": params.get("username") or _username(principal_arn),
        "type": params.get("type") or "STANDARD",
    }
    cluster.access_entries[principal_arn] = entry
    return entry


def grant_creator(cluster: ClusterRecord) -> None:
    """Make the creator an administrator, as EKS does by default."""
    if not cluster.creator_is_admin or _creator_needs_no_entry(cluster):
        return
    new_entry(cluster, cluster.creator, {})
    arn = ACCESS_POLICY + "AmazonEKSClusterAdminPolicy"
    _associate(cluster, cluster.creator, arn, {"type": "cluster", "namespaces": []})


def _associate(cluster: ClusterRecord, principal_arn: str, policy_arn: str, scope: Mapping[str, Any]) -> Record:
    moment = now()
    associated = {"policyArn": policy_arn, "accessScope": dict(scope), "associatedAt": moment, "modifiedAt": moment}
    cluster.access_policies.setdefault(principal_arn, {})[policy_arn] = associated
    return associated


def grant_nodes(cluster: ClusterRecord, role_arn: str) -> None:
    """Let the nodes of a managed node group join, as EKS does by itself in clusters that use entries."""
    if _uses_entries(cluster) and role_arn not in cluster.access_entries:
        entry = new_entry(cluster, role_arn, {"type": _NODE_TYPE, "username": "system:node:{{EC2PrivateDNSName}}"})
        entry["kubernetesGroups"] = ["system:nodes"]


def withdraw_nodes(cluster: ClusterRecord, role_arn: str) -> None:
    """Remove the entry when the last node group with that role is gone."""
    entry = cluster.access_entries.get(role_arn)
    if entry is None or entry["type"] != _NODE_TYPE:
        return
    if all(group["nodeRole"] != role_arn for group in cluster.nodegroups.values()):
        del cluster.access_entries[role_arn]


def groups_of(cluster: ClusterRecord, identity_arn: str) -> Sequence[str] | None:
    """Return the Kubernetes groups of an IAM entity in a cluster; None if it has no access."""
    is_creator = cluster.creator_is_admin and identity_arn == cluster.creator
    entry = cluster.access_entries.get(identity_arn)
    if entry is None:
        return [ADMINISTRATORS] if is_creator and _creator_needs_no_entry(cluster) else None
    associated = cluster.access_policies.get(identity_arn, {}).items()
    held = [arn for arn, policy in associated if policy["accessScope"]["type"] == "cluster"]
    return [*entry["kubernetesGroups"], *(_GROUPS[arn.removeprefix(ACCESS_POLICY)] for arn in held)]


def _creator_needs_no_entry(cluster: ClusterRecord) -> bool:
    """Root has no entry, and a cluster in CONFIG_MAP mode has no entries."""
    return cluster.creator.endswith(":root") or not _uses_entries(cluster)


def _uses_entries(cluster: ClusterRecord) -> bool:
    return cluster.description["accessConfig"]["authenticationMode"] in _API_MODES


def _username(principal_arn: str) -> str:
    if ":role/" not in principal_arn:
        return principal_arn
    account_id, name = principal_arn.split(":")[4], principal_arn.rpartition("/")[2]
    return f"arn:aws:sts::{account_id}:assumed-role/{name}/{{{{SessionName}}}}"


def _checked_groups(groups: Sequence[str]) -> list[str]:
    for group in groups:
        if group.startswith(("system:", "eks:", "aws:", "amazon:", "iam:")):
            raise invalid(
                f"The kubernetes group name {group} is invalid, it cannot start with system:, eks:, aws:, amazon:, iam:"
            )
    return list(groups)


def _check_mode(cluster: ClusterRecord) -> None:
    if not _uses_entries(cluster):
        mode = cluster.description["accessConfig"]["authenticationMode"]
        raise invalid_request(
            f"The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
            f"operation; it is {mode}.",
        )
