"""The few requests that the operator makes of the API server.

A client library would cost the process more memory than all the rest of it, for five verbs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import urllib3

from localcloud.operator.crd import GROUP, PLURAL, VERSION
from localcloud.operator.errors import KubernetesError
from localcloud.operator.kubeconfig import Connection

Json = dict[str, Any]

_TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=30.0)
# The server ends a watch by itself; the client gives up a little later, should the stream be dead.
_WATCH_SECONDS: Final = 300


class Cluster(Protocol):
    """What the reconciler needs of Kubernetes; every method raises KubernetesError."""

    def get(self, namespace: str, name: str) -> Json: ...

    def patch(self, namespace: str, name: str, change: Json) -> Json:
        """Merge a change into metadata and spec; the answer is the object as it is then."""
        ...

    def patch_status(self, namespace: str, name: str, change: Json) -> Json: ...

    def namespace_annotations(self, namespace: str) -> Mapping[str, str]: ...


class Source(Protocol):
    """Where the controller learns which objects there are; every method raises KubernetesError."""

    def list(self, namespace: str | None, selector: str = "") -> Json: ...

    def watch(self, namespace: str | None, resource_version: str, selector: str = "") -> Iterator[Json]: ...


class KubeApi:
    """TransformJobs over HTTP; safe to share between threads."""

    def __init__(self, connection: Connection, connections: int = 4) -> None:
        self._connection = connection
        self._http = urllib3.PoolManager(
            ssl_context=connection.context, maxsize=connections, retries=False, timeout=_TIMEOUT
        )

    def get(self, namespace: str, name: str) -> Json:
        return self._request("GET", self._path(namespace, name))

    def patch(self, namespace: str, name: str, change: Json) -> Json:
        return self._request("PATCH", self._path(namespace, name), change)

    def patch_status(self, namespace: str, name: str, change: Json) -> Json:
        return self._request("PATCH", f"{self._path(namespace, name)}/status", change)

    def namespace_annotations(self, namespace: str) -> Mapping[str, str]:
        found = self._request("GET", f"/api/v1/namespaces/{namespace}")
        return found["metadata"].get("annotations") or {}

    def list(self, namespace: str | None, selector: str = "") -> Json:
        """The TransformJobs of a namespace, or of all."""
        return self._request("GET", self._collection(namespace, {"labelSelector": selector} if selector else {}))

    def watch(self, namespace: str | None, resource_version: str, selector: str = "") -> Iterator[Json]:
        """Events since a version, until the server or the network ends the stream; then simply returns."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        path = self._collection(namespace, query | ({"labelSelector": selector} if selector else {}))
        timeout = urllib3.Timeout(connect=5.0, read=_WATCH_SECONDS + 30.0)
        try:
            response = self._send("GET", path, None, preload_content=False, timeout=timeout)
            try:
                yield from _events(response)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError:
            return

    def _path(self, namespace: str, name: str) -> str:
        return f"{self._collection(namespace, {})}/{name}"

    def _collection(self, namespace: str | None, query: Mapping[str, str]) -> str:
        scope = f"/namespaces/{namespace}" if namespace else ""
        path = f"/apis/{GROUP}/{VERSION}{scope}/{PLURAL}"
        return f"{path}?{urlencode(query)}" if query else path

    def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        try:
            response = self._send(method, path, body)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubernetesError(f"{method} {self._connection.server}{path}: {error}") from error
        return json.loads(response.data)

    def _send(self, method: str, path: str, body: Json | None, **options: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "localcloud-operator"}
        if token := self._connection.bearer():
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        content = None if body is None else json.dumps(body).encode()
        url = f"{self._connection.server}{path}"
        response = self._http.request(method, url, body=content, headers=headers, **options)
        if response.status >= 400:
            raise KubernetesError(f"{method} {path}: {_reason(response.data)}", response.status)
        return response


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[Json]:
    pending = b""
    for chunk in response.stream(amt=None):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line:
                yield _event(json.loads(line))


def _event(event: Json) -> Json:
    if event["type"] == "ERROR":
        status = event["object"]
        raise KubernetesError(f"watch: {status.get('message')}", int(status.get("code") or 0))
    return event


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")[:200] or "no reason given"
