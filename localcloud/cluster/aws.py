"""The three requests that a node makes of the AWS endpoint, signed with the local administrator's dummy keys.

A node on AWS signs with its node role; node groups here are processes of the local cloud itself and sign as it. EKS
then holds what they ask for against the policies of the node role.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from localcloud.cluster.errors import ClusterError

POD_IDENTITY_ADDON: Final = "eks-pod-identity-agent"
_ACCESS_KEY: Final = "LOCALCLOUDADMIN"
_SECRET_KEY: Final = "localcloud"  # noqa: S105  the documented dummy of the local account
_TIMEOUT_SECONDS: Final = 10.0
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AwsError(ClusterError):
    """The AWS endpoint refused or did not answer."""


class Aws:
    """A client of the AWS endpoint for one cluster."""

    def __init__(self, endpoint: str, region: str, cluster: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._region = region
        self._path = f"/clusters/{quote(cluster, safe='')}"

    def has_association(self, namespace: str, service_account: str) -> bool:
        """Whether a Pod Identity association exists for a service account."""
        query = {"namespace": namespace, "serviceAccount": service_account}
        answer = self._request("GET", "eks", f"{self._path}/pod-identity-associations", query=query)
        return bool(answer.get("associations"))

    def has_agent(self) -> bool:
        """Whether the cluster has the Pod Identity agent's add-on."""
        return POD_IDENTITY_ADDON in self._request("GET", "eks", f"{self._path}/addons").get("addons", [])

    def assume_role(self, token: str) -> Mapping[str, Any]:
        """Credentials for the service account that a token names: eks-auth AssumeRoleForPodIdentity."""
        return self._request("POST", "eks-auth", f"{self._path}/assume-role-for-pod-identity", body={"token": token})

    def _request(
        self,
        method: str,
        service: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        target = f"{path}?{urlencode(sorted((query or {}).items()), quote_via=quote)}" if query else path
        now = dt.datetime.now(dt.UTC)
        headers = sign(method, f"{self._endpoint}{target}", content, service=service, region=self._region, now=now)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._endpoint + target, content or None, headers, method=method)  # noqa: S310  the endpoint is ours
        try:
            with _NO_PROXY.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AwsError(
                f"{service} {method} {path}: {error.code} {error.read().decode(errors='replace')}"
            ) from error
        except (OSError, ValueError) as error:
            raise AwsError(f"{service} {method} {self._endpoint}{path}: {error}") from error


def sign(method: str, url: str, content: bytes, *, service: str, region: str, now: dt.datetime) -> dict[str, str]:
    """The headers of a request signed by AWS signature version 4."""
    split = urlsplit(url)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(content).hexdigest()
    headers = {"host": split.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical_headers = "".join(f"{name}:{value}\n" for name, value in headers.items())
    path = quote(split.path or "/", safe="/~")
    canonical = f"{method}\n{path}\n{split.query}\n{canonical_headers}\n{names}\n{digest}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{_SECRET_KEY}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={_ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {
        "X-Amz-Date": stamp,
        "X-Amz-Content-SHA256": digest,
        "Authorization": credential,
    }
