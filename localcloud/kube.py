"""A client of the Kubernetes API server, for the operator, the nodes and EKS.

The package `kubernetes` can do the same, but it takes 26 MB of memory in each of those processes, which make only seven
kinds of requests.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
import yaml

Object = dict[str, Any]
"""A Kubernetes object, or a list of them, as its JSON."""

MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
_CONNECT_SECONDS: Final = 5.0
_TIMEOUT: Final = urllib3.Timeout(connect=_CONNECT_SECONDS, read=30.0)
# The server ends a watch after this time; the client gives up a little later, in case the connection is dead.
_WATCH_SECONDS: Final = 300
_BUSY_PAUSES_SECONDS: Final = (0.1, 0.3, 1.0, 1.0, 1.0)


class KubernetesError(Exception):
    """The API server refused a request, or could not be reached.

    Attributes:
        status: the HTTP status; 0 without an answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def conflict(self) -> bool:
        return self.status == HTTPStatus.CONFLICT

    @property
    def gone(self) -> bool:
        """The resource version of a watch is too old."""
        return self.status == HTTPStatus.GONE


class KubeconfigError(Exception):
    """A kubeconfig is missing or cannot be used."""


@dataclass(frozen=True)
class Connection:
    """An API server and the identity to use with it.

    Attributes:
        server: its URL.
        context: TLS: the cluster's authority, and the client's certificate if it has one.
        token: a bearer token that does not change.
        token_file: a file with a bearer token that is renewed from time to time.
    """

    server: str
    context: ssl.SSLContext
    token: str | None = None
    token_file: Path | None = None

    def bearer(self) -> str | None:
        """The bearer token to use now."""
        return self.token_file.read_text(encoding="utf-8").strip() if self.token_file else self.token


def default_kubeconfig(environment: Mapping[str, str] = os.environ) -> Path:
    """The first file of KUBECONFIG, else kubectl's own default."""
    configured = environment.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(configured) if configured else Path.home() / ".kube" / "config"


def load_kubeconfig(path: Path) -> Connection:
    """Read the current context of a kubeconfig.

    Raises:
        KubeconfigError: the file is missing or cannot be used.
    """
    try:
        return _connection(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)
    except (OSError, yaml.YAMLError, ssl.SSLError, ValueError, KeyError, TypeError) as error:
        raise KubeconfigError(f"kubeconfig {path}: {type(error).__name__}: {error}") from error


class KubeApi:
    """A client of one cluster with one identity; safe to share between threads.

    Args:
        connection: the API server and the identity.
        connections: how many connections are kept open for reuse.
    """

    def __init__(self, connection: Connection, connections: int = 4) -> None:
        self._connection = connection
        self._http = urllib3.PoolManager(
            ssl_context=connection.context, maxsize=connections, retries=False, timeout=_TIMEOUT
        )

    @classmethod
    def from_kubeconfig(cls, path: Path, connections: int = 4) -> KubeApi:
        """A client for the current context of a kubeconfig.

        Raises:
            KubeconfigError: the file is missing or cannot be used.
        """
        return cls(load_kubeconfig(path), connections)

    @property
    def server(self) -> str:
        return self._connection.server

    def get(self, path: str, **query: str) -> Object:
        return self.request("GET", path, query=query)

    def find(self, path: str) -> Object | None:
        """The object at a path; None if it does not exist."""
        try:
            return self.get(path)
        except KubernetesError as error:
            if error.not_found:
                return None
            raise

    def create(self, path: str, body: Object) -> Object:
        return self.request("POST", path, body=body)

    def patch(self, path: str, body: Object, kind: str = MERGE_PATCH) -> Object:
        return self.request("PATCH", path, body=body, content_type=kind)

    def delete(self, path: str, *, grace_seconds: int | None = None, uid: str | None = None) -> None:
        """Delete an object if it exists and, if a uid is given, has that uid."""
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            self.request("DELETE", path, body=options)
        except KubernetesError as error:
            if not (error.not_found or error.conflict):
                raise

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Make one request; if the server answers that it is busy, try again after a pause.

        Raises:
            KubernetesError: the server refused the request, with its own reason, or could not be reached.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        content = None if body is None else json.dumps(body).encode()
        try:
            response = self._send(method, target, content, content_type)
            for pause in _BUSY_PAUSES_SECONDS:
                if response.status != HTTPStatus.TOO_MANY_REQUESTS:
                    break
                time.sleep(pause)
                response = self._send(method, target, content, content_type)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubernetesError(f"{method} {self.server}{target}: {error}") from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise KubernetesError(f"{method} {target}: {_reason(response.data)}", response.status)
        return json.loads(response.data)

    def watch(self, path: str, **query: str) -> Iterator[Object]:
        """Events of a collection; the iterator ends when the server or the network ends the stream.

        Raises:
            KubernetesError: the server refused the watch, or reports an error in it.
        """
        target = f"{path}?{urlencode({**query, 'watch': 'true', 'timeoutSeconds': str(_WATCH_SECONDS)})}"
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_WATCH_SECONDS + 30.0)
        try:
            response = self._send("GET", target, None, preload_content=False, timeout=timeout)
            try:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise KubernetesError(f"GET {target}: {_reason(response.data)}", response.status)
                yield from _events(response)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError):
            return

    def unready(self) -> str:
        """Why the API server is not ready; empty when it is."""
        try:
            response = self._send("GET", "/readyz", None, timeout=urllib3.Timeout(2.0))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return str(error)
        return "" if response.status == HTTPStatus.OK else f"the API server says {response.status}: {response.data!r}"

    def _send(
        self, method: str, target: str, content: bytes | None, content_type: str = "application/json", **options: Any
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "localcloud", "Content-Type": content_type}
        if token := self._connection.bearer():
            headers["Authorization"] = f"Bearer {token}"
        return self._http.request(method, self.server + target, body=content, headers=headers, **options)


def _connection(document: Mapping[str, Any], folder: Path) -> Connection:
    context = _named(document, "context", document["current-context"])
    cluster = _named(document, "cluster", context["cluster"])
    user = _named(document, "user", context["user"])
    if not {"token", "tokenFile", "client-certificate-data", "client-certificate"} & set(user):
        raise ValueError(f"user {context['user']!r} has neither a token nor a client certificate")
    return Connection(
        server=str(cluster["server"]).rstrip("/"),
        context=_tls(cluster, user, folder),
        token=user.get("token"),
        token_file=folder / user["tokenFile"] if "tokenFile" in user else None,
    )


def _named(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    for entry in document[f"{kind}s"]:
        if entry["name"] == name:
            return entry[kind] or {}
    raise ValueError(f"no {kind} {name!r}")


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority", folder))
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _pem(user, "client-certificate", folder), _pem(user, "client-key", folder)
    if certificate and key:
        with tempfile.NamedTemporaryFile("w") as pem:  # mode 0600; ssl reads certificates from files only
            pem.write(f"{certificate}\n{key}")
            pem.flush()
            context.load_cert_chain(pem.name)
    return context


def _pem(section: Mapping[str, Any], name: str, folder: Path) -> str | None:
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    return (folder / section[name]).read_text(encoding="utf-8") if section.get(name) else None


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[Object]:
    pending = b""
    for chunk in response.stream(amt=None):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line:
                yield _event(json.loads(line))


def _event(event: Object) -> Object:
    if event["type"] == "ERROR":
        status = event["object"]
        raise KubernetesError(f"watch: {status.get('message')}", int(status.get("code") or 0))
    return event


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip()[:500] or "no reason given"
