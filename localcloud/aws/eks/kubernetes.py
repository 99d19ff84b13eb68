"""The one question that EKS asks a Kubernetes API server: is this service account token good?"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from localcloud.aws.eks.pod_identity import Pod
from localcloud.aws.eks.store import ClusterRecord
from localcloud.aws.errors import AwsError

_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
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
            answer = _post(cluster.admin_kubeconfig, body)
        except (OSError, ValueError, KeyError) as error:
            message = f"Cluster {cluster.name} does not answer a token review: {error}"
            raise AwsError("ServiceUnavailableException", message, 503) from error
        return _pod(answer.get("status") or {})


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


def _post(kubeconfig: Path, body: Mapping[str, Any]) -> Mapping[str, Any]:
    config = cast("dict[str, Any]", yaml.safe_load(kubeconfig.read_text()))
    cluster = config["clusters"][0]["cluster"]
    user = config["users"][0]["user"]
    request = urllib.request.Request(  # noqa: S310  the server of our own kubeconfig
        str(cluster["server"]).rstrip("/") + _PATH,
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
