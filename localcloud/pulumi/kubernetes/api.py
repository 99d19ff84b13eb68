"""Talks to one API server over HTTP: requests with JSON bodies, and watches of one object."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from localcloud.pulumi.kubernetes.errors import ApiError, UnreachableError
from localcloud.pulumi.kubernetes.kubeconfig import Connection, Credentials

Object = dict[str, Any]

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
_SECONDS = 60.0
_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, http.client.CannotSendRequest)
_RETRIED = frozenset({429, 503, 504})


class Api:
    """One API server, for many threads; connections stay open and are used again."""

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.server)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._base = parts.path
        self._tls = _tls(connection) if parts.scheme == "https" else None
        self._credentials = Credentials(connection)
        self._idle: list[http.client.HTTPConnection] = []
        self._watches: set[http.client.HTTPConnection] = set()
        self._interrupted = False
        self._lock = threading.Lock()
        self.server = connection.server

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> Object:
        """Make one request.

        Args:
            method: HTTP method.
            path: such as `/api/v1/namespaces`.
            query: parameters of the URL.
            body: object to send as JSON.
            content_type: its type.

        Raises:
            ApiError: the server refused.
            UnreachableError: the server does not answer.
        """
        target = self._base + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        status, answer = self._authorized(method, target, data, content_type)
        for attempt in range(4):
            if status not in _RETRIED:
                break
            time.sleep(0.2 * 2**attempt)
            status, answer = self._authorized(method, target, data, content_type)
        return _checked(status, answer)

    def _authorized(self, method: str, target: str, data: bytes | None, content_type: str) -> tuple[int, bytes]:
        status, answer = self._send(method, target, data, content_type)
        if status == 401 and self._credentials.forget():
            return self._send(method, target, data, content_type)
        return status, answer

    def _send(self, method: str, target: str, data: bytes | None, content_type: str) -> tuple[int, bytes]:
        headers = self._headers(content_type if data is not None else None)
        while True:
            connection, used = self._take()
            try:
                connection.request(method, target, data, headers)
                response = connection.getresponse()
                answer = response.status, response.read()
            except _STALE as e:
                connection.close()
                # an idle connection that the server has closed; a new one tells whether it is there
                if not used:
                    raise self._unreachable(e) from None
            except (OSError, http.client.HTTPException) as e:
                connection.close()
                raise self._unreachable(e) from None
            else:
                with self._lock:
                    self._idle.append(connection)
                return answer

    def _headers(self, content_type: str | None) -> dict[str, str]:
        headers = {"Accept": JSON, "User-Agent": "localcloud-kubernetes-plugin"}
        if content_type:
            headers["Content-Type"] = content_type
        if token := self._credentials.token():
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        return self._connect(_SECONDS), False

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(f"{self.server}: {error or type(error).__name__}")

    @contextmanager
    def watch(self, path: str, name: str, version: str, seconds: float) -> Generator[Iterator[Object]]:
        """Events of one object after a version of it, until time is up or `interrupt` is called."""
        limit = max(1, int(min(seconds, 60)))
        query = {
            "watch": "1",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(limit),
        }
        connection = self._connect(limit + 5.0)
        with self._lock:
            self._watches.add(connection)
        try:
            connection.connect()
            if self._interrupted:  # perhaps while there was no socket to shut
                _shut(connection.sock)
            connection.request("GET", f"{self._base}{path}?{urlencode(query)}", headers=self._headers(None))
            response = connection.getresponse()
            if response.status != 200:
                _checked(response.status, response.read())
            yield _events(response)
        except (OSError, http.client.HTTPException) as e:
            raise self._unreachable(e) from None
        finally:
            with self._lock:
                self._watches.discard(connection)
            connection.close()

    def interrupt(self) -> None:
        """End all watches, and those that are yet to begin."""
        with self._lock:
            self._interrupted = True
            for connection in self._watches:
                # the connections are of this class's own making, and have no other way to be woken
                sock: socket.socket | None = connection.sock
                if sock is not None:
                    _shut(sock)


def _shut(sock: socket.socket) -> None:
    try:
        # past TLS, whose own shutdown takes the session away from the thread that reads
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


def _events(response: http.client.HTTPResponse) -> Iterator[Object]:
    while line := response.readline():
        if line.strip():
            yield json.loads(line)


def _checked(status: int, answer: bytes) -> Object:
    try:
        content: Any = json.loads(answer) if answer else {}
    except ValueError:
        content = {"message": answer.decode(errors="replace")[:500]}
    if status >= 400:
        message = content.get("message") or f"HTTP {status}"
        raise ApiError(status, content.get("reason") or "", message)
    return content


def _tls(connection: Connection) -> ssl.SSLContext:
    if not connection.verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context(cadata=connection.authority or None)
    if connection.certificate and connection.key:
        _load_certificate(context, connection.certificate, connection.key)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Python reads certificates from files only: one that none else can read, for a moment."""
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{certificate}\n{key}")
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
