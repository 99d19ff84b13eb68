"""Sends bodies to a model container: keep-alive connections, a deadline for each attempt, retries."""

from __future__ import annotations

import http.client
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from queue import Empty, LifoQueue
from urllib.parse import urlsplit

from localcloud.batch_transform.cancellation import Cancellation
from localcloud.batch_transform.errors import ObjectFailure, http_error, no_response
from localcloud.batch_transform.job import Transform
from localcloud.batch_transform.unverified import Choices

_CHUNK = 2**20

Body = bytes | Callable[[], Iterator[bytes]]
"""A request's body: bytes, or what gives its chunks anew for each attempt (sent chunked)."""


class Model:
    """The `/invocations` of one container; safe for many threads.

    Args:
        url: where the container serves.
        job: headers, timeout and retries come from here.
        cancellation: cuts open connections when the job is stopped.
        choices: which answers are tried again.
    """

    def __init__(self, url: str, job: Transform, cancellation: Cancellation, choices: Choices) -> None:
        self._address = urlsplit(url).netloc
        self._job = job
        self._cancellation = cancellation
        self._choices = choices
        self._idle: LifoQueue[http.client.HTTPConnection] = LifoQueue()
        self._headers = _headers(job, choices)

    def invoke(self, body: Body) -> bytes:
        """The model's answer.

        Raises:
            ObjectFailure: no success after all retries.
            Stopped: the job was stopped.
        """
        failure = no_response(self._choices.no_response_reason)
        for _ in range(1 + self._job.max_retries):
            self._cancellation.check()
            outcome = self._attempt(body)
            if isinstance(outcome, bytes):
                return outcome
            failure, again = outcome
            if not again:
                break
        self._cancellation.check()
        raise failure

    def close(self) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _attempt(self, body: Body) -> bytes | tuple[ObjectFailure, bool]:
        connection = self._connection()
        deadline = time.monotonic() + self._job.timeout_seconds
        try:
            sock = _connected(connection, deadline)  # only what has a socket can be cut
            with self._cancellation.interrupting(lambda: _cut(sock)):
                status, answer = self._exchange(connection, body, deadline)
        except (OSError, http.client.HTTPException):
            connection.close()
            return no_response(self._choices.no_response_reason), self._choices.no_response_retried
        self._idle.put(connection)
        if status == HTTPStatus.OK or (200 < status < 300 and self._choices.any_2xx_is_success):
            return answer
        again = self._choices.server_errors_retried if status >= 500 else self._choices.client_errors_retried
        return http_error(status, answer, self._choices.server_error_reason), again

    def _connection(self) -> http.client.HTTPConnection:
        with suppress(Empty):
            while True:
                idle = self._idle.get_nowait()
                if not _closed_by_server(idle):
                    return idle
                idle.close()
        return http.client.HTTPConnection(self._address)

    def _exchange(self, connection: http.client.HTTPConnection, body: Body, deadline: float) -> tuple[int, bytes]:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it closed
            self._send(connection, body)
        response = connection.getresponse()
        return response.status, _read(response, connection, deadline)

    def _send(self, connection: http.client.HTTPConnection, body: Body) -> None:
        connection.putrequest("POST", "/invocations", skip_accept_encoding=True)
        for name, value in self._headers.items():
            connection.putheader(name, value)
        if isinstance(body, bytes):
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body if len(body) < _CHUNK else None)
            if len(body) >= _CHUNK:
                connection.send(body)
            return
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(body(), encode_chunked=True)  # pyright: ignore[reportArgumentType] an iterable is what it takes


def _connected(connection: http.client.HTTPConnection, deadline: float) -> socket.socket:
    """The connection's socket, with what is left of the time as its limit."""
    connection.timeout = _left(deadline)
    if connection.sock is None:  # pyright: ignore[reportUnnecessaryComparison] None before the first request
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # pyright: ignore[reportAttributeAccessIssue] connected now
    connection.sock.settimeout(_left(deadline))  # pyright: ignore[reportOptionalMemberAccess] likewise
    return connection.sock  # pyright: ignore[reportReturnType] likewise


def _headers(job: Transform, choices: Choices) -> dict[str, str]:
    headers = {"User-Agent": "Go-http-client/1.1"}
    if job.content_type:
        headers["Content-Type"] = job.content_type
    elif not choices.content_type_omitted_when_unset:
        headers["Content-Type"] = "application/octet-stream"
    if job.accept:
        headers["Accept"] = job.accept
    return headers


def _read(response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float) -> bytes:
    """The whole body; the deadline holds for all of it, not for each read."""
    parts: list[bytes] = []
    while True:
        if connection.sock is not None:  # pyright: ignore[reportUnnecessaryComparison] None once the answer said close
            connection.sock.settimeout(_left(deadline))
        part = response.read1(_CHUNK)
        if not part:
            break
        parts.append(part)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # the answer, not the connection: http.client wants to be told before the next request
    return b"".join(parts)


def _closed_by_server(connection: http.client.HTTPConnection) -> bool:
    """Nothing is due on an idle connection, so one that can be read from was closed at the other end."""
    if connection.sock is None:  # pyright: ignore[reportUnnecessaryComparison] as above
        return False
    poll = select.poll()  # select.select would not take descriptors beyond 1024
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cut(sock: socket.socket) -> None:
    """End whatever another thread is waiting for on this connection."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
