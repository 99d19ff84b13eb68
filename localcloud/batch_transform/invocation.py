"""Sends requests to model containers, over connections that are kept, with a deadline for each attempt and retries."""

from __future__ import annotations

import http.client
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Empty, LifoQueue
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from localcloud.batch_transform.errors import ObjectFailure, http_error, no_response
from localcloud.batch_transform.job import Cancellation, Transform

_CHUNK = 2**20

Body = bytes | Callable[[], Iterator[bytes]]
"""The body of a request: bytes, or a function that gives its chunks again for each attempt; these are sent chunked."""


class Serving(NamedTuple):
    """A container that is ready for requests.

    Args:
        url: its address.
        name: its name in an inference pipeline; empty if the model has only one container.
    """

    url: str
    name: str = ""


class Answer(NamedTuple):
    """The answer of a container: its HTTP status, its body, and its Content-Type if it has one."""

    status: int
    body: bytes
    content_type: str | None

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300


class Model:
    """The model of one instance; safe for many threads.

    The containers of an inference pipeline are invoked in their order. Each gets the answer of the one before it, with the
    content type of that answer. The job's Accept goes to the last one.

    Args:
        containers: the model's containers.
        job: has the headers, the timeout and the number of retries.
        cancellation: closes open connections when the job is stopped.
    """

    def __init__(self, containers: Sequence[Serving], job: Transform, cancellation: Cancellation) -> None:
        self._containers = [_Invocations(one, cancellation) for one in containers]
        self._job = job
        self._cancellation = cancellation

    def invoke(self, body: Body) -> bytes:
        """Send a request, and again if an attempt fails with status 5xx or without an answer.

        Args:
            body: the body of the request.

        Returns:
            The body of the answer.

        Raises:
            ObjectFailure: no attempt succeeded, or the model refused the request with another status.
            Stopped: the job was stopped.
        """
        failure = no_response()
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
        """Close the connections that are kept."""
        for container in self._containers:
            container.close()

    def _attempt(self, body: Body) -> bytes | tuple[ObjectFailure, bool]:
        """Invoke all containers once. A failure comes with whether the request may be tried again."""
        deadline = time.monotonic() + self._job.timeout_seconds
        kind, last = self._job.content_type, self._containers[-1]
        for container in self._containers:
            answer = container.ask(body, _headers(kind, self._job.accept if container is last else None), deadline)
            if answer is None:
                return container.blamed(no_response(), "The container {} gave no answer."), True
            if not answer.success:
                failure = http_error(answer.status, answer.body)
                return container.blamed(failure, "This is the answer of the container {}."), answer.status >= 500
            body, kind = answer.body, answer.content_type
        return cast("bytes", body)


class _Invocations:
    """Sends requests to `/invocations` of one container, over connections that are kept."""

    def __init__(self, serving: Serving, cancellation: Cancellation) -> None:
        self._address = urlsplit(serving.url).netloc
        self._name = serving.name
        self._cancellation = cancellation
        self._idle: LifoQueue[http.client.HTTPConnection] = LifoQueue()

    def close(self) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def ask(self, body: Body, headers: Mapping[str, str], deadline: float) -> Answer | None:
        """The container's answer; None if the connection is closed or the deadline passes."""
        connection = self._connection()
        try:
            sock = _connected(connection, deadline)  # a stop can only interrupt a connection that has a socket
            with self._cancellation.interrupting(lambda: _shut_down(sock)):
                answer = _exchange(connection, body, headers, deadline)
        except (OSError, http.client.HTTPException):
            connection.close()
            return None
        except BaseException:  # a body that is made while it is sent may fail
            connection.close()
            raise
        self._idle.put(connection)
        return answer

    def blamed(self, failure: ObjectFailure, sentence: str) -> ObjectFailure:
        """The failure, with a line that names this container if there are several."""
        return failure.with_line(sentence.format(self._name)) if self._name else failure

    def _connection(self) -> http.client.HTTPConnection:
        with suppress(Empty):
            while True:
                idle = self._idle.get_nowait()
                if not _closed_by_server(idle):
                    return idle
                idle.close()
        return http.client.HTTPConnection(self._address)


def _exchange(
    connection: http.client.HTTPConnection, body: Body, headers: Mapping[str, str], deadline: float
) -> Answer:
    with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it closed
        _send(connection, body, headers)
    response = connection.getresponse()
    return Answer(response.status, _read(response, connection, deadline), response.getheader("Content-Type"))


def _send(connection: http.client.HTTPConnection, body: Body, headers: Mapping[str, str]) -> None:
    connection.putrequest("POST", "/invocations", skip_accept_encoding=True)
    for name, value in headers.items():
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
    """Connect if needed. The socket's timeout is the time that is left."""
    connection.timeout = _left(deadline)
    if connection.sock is None:  # pyright: ignore[reportUnnecessaryComparison] None before the first request
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # pyright: ignore[reportAttributeAccessIssue] connected now
    connection.sock.settimeout(_left(deadline))  # pyright: ignore[reportOptionalMemberAccess] connected above
    return connection.sock  # pyright: ignore[reportReturnType] connected above


def _headers(content_type: str | None, accept: str | None) -> dict[str, str]:
    headers = {"User-Agent": "Go-http-client/1.1"}
    if content_type:
        headers["Content-Type"] = content_type
    if accept:
        headers["Accept"] = accept
    return headers


def _read(response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float) -> bytes:
    """Read the whole body. The deadline is for the whole body, not for each read."""
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
    response.close()  # the answer, not the connection: http.client requires this before the next request
    return b"".join(parts)


def _closed_by_server(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has closed an idle connection: no answer is due on it, so only its end can be read."""
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


def _shut_down(sock: socket.socket) -> None:
    """End the wait of another thread on this connection."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
