"""Who a pod is: its service account's tokens, for Kubernetes in a kubeconfig and for AWS through Pod Identity."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from localcloud.cluster import certs
from localcloud.cluster.errors import ApiError
from localcloud.cluster.kube import KubeApi, Object
from localcloud.cluster.pod_identity import AUDIENCE

# Long, so that a client which reads its token once works for as long as a local cloud lives; renewed all the same.
_LIFETIME_SECONDS: Final = 30 * 24 * 3600
_RENEW_SECONDS: Final = 3600.0


class PodTokens:
    """Issues and renews one pod's tokens, bound to the pod: they are void when it is deleted.

    Args:
        api: the API server, as administrator.
        authority: the cluster's certificate authority, PEM.
        pod: the Pod object.
        agent_url: the Pod Identity agent's URL.
        has_association: whether a role is associated with the service account (namespace, name).
    """

    def __init__(
        self, api: KubeApi, authority: bytes, pod: Object, agent_url: str, has_association: Callable[[str, str], bool]
    ) -> None:
        self._api = api
        self._authority = authority
        self._agent_url = agent_url
        self._has_association = has_association
        metadata = pod["metadata"]
        self._namespace: str = metadata["namespace"]
        self._account: str = pod["spec"].get("serviceAccountName") or "default"
        self._bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        self._with_role = False
        self._renew_at = 0.0

    def issue(self, folder: Path) -> dict[str, str]:
        """Write the pod's files; returns the variables that name them."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._with_role = self._has_association(self._namespace, self._account)
        self._write_tokens(folder)
        user = {"tokenFile": str(folder / "token")}
        config = certs.kubeconfig("local", self._api.endpoint, self._authority, user, namespace=self._namespace)
        certs.write_private(folder / "kubeconfig", config)
        variables = {"KUBECONFIG": str(folder / "kubeconfig")}
        if self._with_role:
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self._agent_url
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(folder / "eks-pod-identity-token")
        return variables

    def renew(self, folder: Path) -> None:
        """Write new tokens when it is time; where the API server does not answer, the old ones serve on."""
        if time.monotonic() >= self._renew_at:
            try:
                self._write_tokens(folder)
            except ApiError:
                self._renew_at = time.monotonic() + 60.0

    def _write_tokens(self, folder: Path) -> None:
        certs.write_private(folder / "token", self._token(None))
        if self._with_role:
            certs.write_private(folder / "eks-pod-identity-token", self._token(AUDIENCE))
        self._renew_at = time.monotonic() + _RENEW_SECONDS

    def _token(self, audience: str | None) -> bytes:
        spec: Object = {"expirationSeconds": _LIFETIME_SECONDS, "boundObjectRef": self._bound}
        if audience is not None:
            spec["audiences"] = [audience]
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{quote(self._account)}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return str(self._api.create(path, request)["status"]["token"]).encode()
