"""The identity of a pod: its service account's tokens, for Kubernetes in a kubeconfig and for AWS by EKS Pod Identity.

The Pod Identity agent of a node gives pods the credentials of the role that is associated with their service account:
a pod sends its token, and the agent answers with the result of eks-auth AssumeRoleForPodIdentity, in the form that every
AWS SDK reads from `AWS_CONTAINER_CREDENTIALS_FULL_URI`. The agent works only while the cluster has the add-on
`eks-pod-identity-agent`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws.iam.credentials import ADMIN_ACCESS_KEY_ID, ADMIN_SECRET_ACCESS_KEY
from localcloud.cluster import certs
from localcloud.cluster.kubelet_api import Handler, LoopbackServer
from localcloud.kube import KubeApi, KubernetesError, Object

AUDIENCE: Final = "pods.eks.amazonaws.com"
PATH: Final = "/v1/credentials"
_ADDON: Final = "eks-pod-identity-agent"
# Long, so that a client that reads its token only once works as long as the local cloud; tokens are renewed anyway.
_LIFETIME_SECONDS: Final = 30 * 24 * 3600
_RENEW_SECONDS: Final = 3600.0


class AwsCallError(Exception):
    """The AWS endpoint refused a call or did not answer it."""


class Aws:
    """The calls that a node makes to EKS for its cluster.

    A node on AWS signs with its node role. Here it signs as the administrator, and EKS then evaluates the policies of
    the node role.

    Args:
        endpoint: URL of the AWS endpoint.
        region: the cluster's region.
        cluster: the cluster's name.
    """

    def __init__(self, endpoint: str, region: str, cluster: str) -> None:
        self._cluster = cluster
        session = botocore.session.Session()
        session.set_credentials(ADMIN_ACCESS_KEY_ID, ADMIN_SECRET_ACCESS_KEY)
        # An endpoint on this machine is never reached through a proxy.
        config = Config(connect_timeout=10, read_timeout=10, proxies={}, retries={"total_max_attempts": 1})
        self._eks, self._auth = (
            session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
            for service in ("eks", "eks-auth")
        )

    def has_association(self, namespace: str, service_account: str) -> bool:
        """Whether a Pod Identity association exists for a service account."""
        answer = _asked(
            self._eks.list_pod_identity_associations,
            clusterName=self._cluster,
            namespace=namespace,
            serviceAccount=service_account,
        )
        return bool(answer.get("associations"))

    def has_agent(self) -> bool:
        """Whether the cluster has the Pod Identity agent's add-on."""
        return _ADDON in _asked(self._eks.list_addons, clusterName=self._cluster).get("addons", [])

    def assume_role(self, token: str) -> Mapping[str, Any]:
        """Credentials for the service account of a token: eks-auth AssumeRoleForPodIdentity."""
        return _asked(self._auth.assume_role_for_pod_identity, clusterName=self._cluster, token=token)


def _asked(operation: Callable[..., dict[str, Any]], **arguments: str) -> dict[str, Any]:
    try:
        return operation(**arguments)
    except (ClientError, BotoCoreError) as error:
        raise AwsCallError(str(error)) from error


class PodTokens:
    """Issues and renews one pod's tokens. They are bound to the pod, and become void when it is deleted.

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
        config = certs.kubeconfig("local", self._api.server, user, self._authority, self._namespace)
        certs.write_private(folder / "kubeconfig", config)
        variables = {"KUBECONFIG": str(folder / "kubeconfig")}
        if self._with_role:
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self._agent_url
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(folder / "eks-pod-identity-token")
        return variables

    def renew(self, folder: Path) -> None:
        """Write new tokens when it is time; while the API server does not answer, the old ones stay in use."""
        if time.monotonic() >= self._renew_at:
            try:
                self._write_tokens(folder)
            except KubernetesError:
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


class Agent(LoopbackServer):
    """The Pod Identity agent's HTTP server."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(_handler(aws))
        self.url = f"http://127.0.0.1:{self.port}{PATH}"


def answer(aws: Aws, path: str, token: str | None) -> tuple[HTTPStatus, dict[str, str]]:
    """The agent's answer to a request."""
    if path != PATH:
        return HTTPStatus.NOT_FOUND, {"message": f"the agent serves {PATH} only"}
    if not token:
        return HTTPStatus.UNAUTHORIZED, {"message": "the Authorization header must be the pod's service account token"}
    try:
        if not aws.has_agent():
            return HTTPStatus.SERVICE_UNAVAILABLE, {"message": f"the cluster has no add-on {_ADDON}"}
        return HTTPStatus.OK, credentials(aws.assume_role(token))
    except AwsCallError as error:
        return HTTPStatus.BAD_GATEWAY, {"message": str(error)}


def credentials(response: Mapping[str, Any]) -> dict[str, str]:
    """An AssumeRoleForPodIdentity answer in the form of the container credentials protocol."""
    given = response["credentials"]
    account = str(response.get("podIdentityAssociation", {}).get("associationArn", "::::")).split(":")[4]
    return {
        "AccessKeyId": given["accessKeyId"],
        "SecretAccessKey": given["secretAccessKey"],
        "Token": given["sessionToken"],
        "AccountId": account,
        "Expiration": _iso(given["expiration"]),
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _handler(aws: Aws) -> type[Handler]:
    class CredentialsHandler(Handler):
        def do_GET(self) -> None:  # noqa: N802  http.server names it so
            status, body = answer(aws, self.path, self.headers.get("Authorization"))
            self.answer(status, "application/json", json.dumps(body).encode())

    return CredentialsHandler
