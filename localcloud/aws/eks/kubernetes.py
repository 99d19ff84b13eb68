"""What EKS has to do with a Kubernetes API server: review service account tokens, bind access policies to roles."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from localcloud.aws.eks.pod_identity import Pod
from localcloud.aws.eks.store import ClusterRecord
from localcloud.aws.protocol.errors import AwsError

_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
_RBAC = "rbac.authorization.k8s.io"
_BINDINGS = f"/apis/{_RBAC}/v1/clusterrolebindings"
_ROLES = f"/apis/{_RBAC}/v1/clusterroles"
# Group of an access policy -> the cluster role that has its permissions.
_BOUND = {
    "eks-access-policy:admin": "admin",
    "eks-access-policy:edit": "edit",
    "eks-access-policy:view": "view",
    "eks-access-policy:admin-view": "eks:admin-view",
}
_CONFLICT = 409
_SECONDS = 10
_USER = "system:serviceaccount:"
_POD_NAME = "authentication.kubernetes.io/pod-name"
_POD_UID = "authentication.kubernetes.io/pod-uid"


class ClusterTokenReviewer:
    """Reviews tokens with the administrator's kubeconfig of the cluster."""

    def review(self, cluster: ClusterRecord, token: str, audience: str) -> Pod | None:
        if cluster.admin_kubeconfig is None:
            raise AwsError("ServiceUnavailableException", f"Cluster {cluster.name} does not run yet.", 503)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        }
        try:
            answer = _post(cluster.admin_kubeconfig, _REVIEWS, body)
        except (OSError, ValueError, KeyError) as error:
            message = f"Cluster {cluster.name} does not answer a token review: {error}"
            raise AwsError("ServiceUnavailableException", message, 503) from error
        return _pod(answer.get("status") or {})


def bind_access_policies(kubeconfig: Path) -> None:
    """Give the groups of access policies their permissions in a new cluster.

    Raises:
        OSError: the API server refuses or does not answer.
    """
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    _create(kubeconfig, _ROLES, {"kind": "ClusterRole", "metadata": {"name": "eks:admin-view"}, "rules": everything})
    for group, role in _BOUND.items():
        binding = {
            "kind": "ClusterRoleBinding",
            "metadata": {"name": group.replace("eks-access-policy", "eks:access-policy")},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group}],
        }
        _create(kubeconfig, _BINDINGS, binding)


def _create(kubeconfig: Path, path: str, body: Mapping[str, Any]) -> None:
    try:
        _post(kubeconfig, path, {"apiVersion": f"{_RBAC}/v1", **body})
    except urllib.error.HTTPError as error:
        if error.code != _CONFLICT:
            raise


def _pod(status: Mapping[str, Any]) -> Pod | None:
    user = status.get("user") or {}
    name = str(user.get("username") or "")
    if not status.get("authenticated") or not name.startswith(_USER):
        return None
    namespace, _, account = name.removeprefix(_USER).partition(":")
    extra = user.get("extra") or {}
    return Pod(namespace, account, _first(extra.get(_POD_NAME), account), _first(extra.get(_POD_UID), "unknown"))


def _first(values: Any, default: str) -> str:
    return str(values[0]) if values else default


def _post(kubeconfig: Path, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    config = cast("dict[str, Any]", yaml.safe_load(kubeconfig.read_text()))
    cluster = config["clusters"][0]["cluster"]
    user = config["users"][0]["user"]
    request = urllib.request.Request(  # noqa: S310  the server of our own kubeconfig
        str(cluster["server"]).rstrip("/") + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **_bearer(user)},
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_context(cluster, user))
    )
    with opener.open(request, timeout=_SECONDS) as response:
        return cast("Mapping[str, Any]", json.load(response))


def _bearer(user: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}


def _context(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"),
        cadata=base64.b64decode(authority).decode() if authority else None,
    )
    if user.get("client-certificate"):
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    elif user.get("client-certificate-data"):
        with tempfile.TemporaryDirectory() as folder:  # private to the user; ssl reads files only
            pair = Path(folder) / "pair.pem"
            parts = (user["client-certificate-data"], user["client-key-data"])
            pair.write_bytes(b"\n".join(base64.b64decode(part) for part in parts))
            context.load_cert_chain(pair)
    return context
