"""The RBAC roles of a cluster, and their bindings to the groups by which EKS knows its users."""

from __future__ import annotations

from typing import Final

from localcloud.kube import KubeApi, KubernetesError, Object

_API: Final = "rbac.authorization.k8s.io"
# Group of an access policy -> the cluster role that has its permissions.
_ACCESS_POLICIES: Final = {
    "eks-access-policy:admin": "admin",
    "eks-access-policy:edit": "edit",
    "eks-access-policy:view": "view",
    "eks-access-policy:admin-view": "eks:admin-view",
}


def bind_access_policies(api: KubeApi) -> None:
    """Give the groups of access policies their permissions in a new cluster.

    Raises:
        KubernetesError: the API server refuses or does not answer.
    """
    create_role(api, "eks:admin-view", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}])
    for group, role in _ACCESS_POLICIES.items():
        bind(api, group.replace("eks-access-policy", "eks:access-policy"), role, group)


def create_role(api: KubeApi, name: str, rules: list[Object]) -> None:
    _create(api, "ClusterRole", name, {"rules": rules})


def bind(api: KubeApi, name: str, role: str, group: str) -> None:
    """Bind a cluster role to a group."""
    subject = {"apiGroup": _API, "kind": "Group", "name": group}
    reference = {"apiGroup": _API, "kind": "ClusterRole", "name": role}
    _create(api, "ClusterRoleBinding", name, {"roleRef": reference, "subjects": [subject]})


def _create(api: KubeApi, kind: str, name: str, content: Object) -> None:
    body = {"apiVersion": f"{_API}/v1", "kind": kind, "metadata": {"name": name}, **content}
    create_if_missing(api, f"/apis/{_API}/v1/{kind.lower()}s", body)


def create_if_missing(api: KubeApi, path: str, body: Object) -> None:
    """Create an object, unless it exists: an earlier capability leaves its own behind."""
    try:
        api.create(path, body)
    except KubernetesError as error:
        if not error.conflict:
            raise
