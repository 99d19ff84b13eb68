"""The few requests that this room makes of a Kubernetes API server: JSON over HTTPS with a client certificate.

A client library would cost each process more memory than all the rest of it, for six verbs.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from localcloud.cluster.errors import ApiError

Object = dict[str, Any]
"""A Kubernetes object, or a list of them, as its JSON."""

MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
_TIMEOUT_SECONDS: Final = 15.0
_BUSY_PAUSES_SECONDS: Final = (0.1, 0.3, 1.0, 1.0, 1.0)


class KubeApi:
    """A client of one cluster with one identity; safe to share between threads."""

    def __init__(self, endpoint: str, context: ssl.SSLContext) -> None:
        split = urlsplit(endpoint)
        self._host, self._port = split.hostname or "127.0.0.1", split.port or 443
        self._context = context
        self.endpoint = endpoint

    @classmethod
    def from_kubeconfig(cls, path: Path) -> KubeApi:
        """A client for the current context of a kubeconfig that this room wrote."""
        document = json.loads(path.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        context = ssl.create_default_context(cadata=_decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pem:  # made with mode 0600; ssl reads certificates from files only
            pem.write(_decode(user["client-certificate-data"]) + _decode(user["client-key-data"]))
            pem.flush()
            context.load_cert_chain(pem.name)
        return cls(cluster["server"], context)

    def get(self, path: str, **query: str) -> Object:
        return self.request("GET", path, query=query)

    def find(self, path: str) -> Object | None:
        """The object at a path, or None where there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def create(self, path: str, body: Object) -> Object:
        return self.request("POST", path, body=body)

    def patch(self, path: str, body: Object, kind: str = MERGE_PATCH) -> Object:
        return self.request("PATCH", path, body=body, content_type=kind)

    def delete(self, path: str, *, grace_seconds: int | None = None, uid: str | None = None) -> None:
        """Delete an object, if it is there (and still the one of this uid)."""
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            self.request("DELETE", path, body=options)
        except ApiError as error:
            if error.status not in {http.HTTPStatus.NOT_FOUND, http.HTTPStatus.CONFLICT}:
                raise

    def unready(self) -> str:
        """Why the API server is not ready, in its words or in those of the connection; empty when it is."""
        try:
            status, content = self._exchange("GET", "/readyz", None, {}, 2.0)[:2]
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        return "" if status == http.HTTPStatus.OK else f"the API server says {status}: {content!r}"

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """One request.

        Raises:
            ApiError: the server refused it, with the server's own reason; status 0 when it could not be reached.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            status, answer = self._exchange(method, target, content, headers, _TIMEOUT_SECONDS)
            for pause in _BUSY_PAUSES_SECONDS:
                if status != http.HTTPStatus.TOO_MANY_REQUESTS:
                    break
                time.sleep(pause)  # a kind's storage is being made ready, or the server asks for patience
                status, answer = self._exchange(method, target, content, headers, _TIMEOUT_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"{method} {self.endpoint}{target}: {error}", 0) from error
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(f"{method} {target}: {_reason(answer)}", status)
        return json.loads(answer)

    def watch(self, path: str, idle_seconds: float = 300.0, **query: str) -> Iterator[Object]:
        """Events of a collection until the server or the network ends the stream; then simply returns."""
        target = f"{path}?{urlencode({**query, 'watch': 'true'})}"
        connection = self._connect(idle_seconds)
        try:
            connection.request("GET", target, headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise ApiError(f"watch {target}: {_reason(response.read())}", response.status)
            while line := response.readline():
                yield json.loads(line)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _exchange(
        self, method: str, target: str, content: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes]:
        connection = self._connect(timeout)
        try:
            connection.request(method, target, body=content, headers=dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)


def _decode(text: str) -> bytes:
    return base64.b64decode(text)


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip()[:500]
