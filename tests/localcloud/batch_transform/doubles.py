"""Test doubles of what the data plane needs: storage, logs, model containers."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from localcloud.batch_transform.errors import NO_PING, InstanceFailure, StorageError
from localcloud.batch_transform.objects import ObjectInfo


class MemoryStore:
    """Buckets in memory: a source and a sink.

    Attributes:
        objects: the content of each object by bucket and key.
        aborted: the keys of outputs that were aborted.
    """

    def __init__(self, objects: Mapping[tuple[str, str], bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.aborted: list[str] = []

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        for (name, key), data in list(self.objects.items()):
            if name == bucket and key.startswith(prefix):
                yield ObjectInfo(bucket, key, len(data))

    def open(self, bucket: str, key: str) -> io.BytesIO:
        if (bucket, key) not in self.objects:
            raise StorageError(f"Cannot read s3://{bucket}/{key}: there is no such object")
        return io.BytesIO(self.objects[bucket, key])

    def create(self, bucket: str, key: str) -> MemoryWriter:
        return MemoryWriter(self, bucket, key)


class MemoryWriter:
    """An object of a `MemoryStore` that is being written."""

    def __init__(self, store: MemoryStore, bucket: str, key: str) -> None:
        self._store = store
        self._place = (bucket, key)
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> None:
        self._parts.append(data)

    def commit(self) -> None:
        self._store.objects[self._place] = b"".join(self._parts)

    def abort(self) -> None:
        self._store.aborted.append(self._place[1])


@dataclass
class MemoryLogs:
    """Keeps log lines in memory."""

    data_lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    container_lines: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    def container(self, instance: int, name: str, line: bytes, /) -> None:
        self.container_lines.append((name, line))

    def data(self, instance: int, line: str, /) -> None:
        self.data_lines.append((instance, line))

    @property
    def lines(self) -> list[str]:
        return [line for _, line in self.data_lines]


@dataclass(frozen=True)
class Received:
    """A request that a model double got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """The answer of a model double; with `close` it closes the connection instead."""

    status: int = 200
    body: bytes = b""
    close: bool = False
    content_type: str | None = None


Behaviour = Callable[[bytes], Answer]


def columns(line: bytes) -> bytes:
    """A line's number of columns, as text."""
    return str(line.count(b",") + 1).encode()


def each_line(answer: Callable[[bytes], bytes] = columns, *, ended: bool = True) -> Behaviour:
    """Answers each line with one line; the last one has a newline if `ended`."""

    def behave(body: bytes) -> Answer:
        lines = [answer(line) for line in body.split(b"\n") if line]
        return Answer(body=b"\n".join(lines) + (b"\n" if ended else b""))

    return behave


def echo(body: bytes) -> Answer:
    return Answer(body=body)


def label(_body: bytes) -> Answer:
    return Answer(body=b'{"label":1}')


def fail(status: int, *, only: bytes = b"") -> Behaviour:
    """Fails on bodies that contain some bytes, or on all; answers other bodies line by line."""
    others = each_line()
    return lambda body: Answer(status, b"boom") if only in body else others(body)


class ModelDouble:
    """A container in this process: a small HTTP server with a given behaviour.

    Args:
        behaviour: what `/invocations` answers.
        parameters: what `/execution-parameters` answers, None for 404.
        ping: the status of `/ping`, which may be changed later.
        environment: what the container was started with.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        parameters: Mapping[str, Any] | None = None,
        ping: int = 200,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.environment = dict(environment or {})
        self.requests: list[Received] = []
        self.most_open = 0
        self.exit_status: int | None = None
        self._behaviour = behaviour
        self._parameters = parameters
        self.ping = ping
        self._open = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def bodies(self) -> list[bytes]:
        return [request.body for request in self.requests if request.path == "/invocations"]

    def poll(self) -> int | None:
        return self.exit_status

    def stop(self) -> None:
        if self.exit_status is None:
            self.exit_status = 0
            self._server.shutdown()
            self._server.server_close()

    def answer(self, request: Received) -> Answer:
        with self._lock:
            self.requests.append(request)
        if request.path == "/ping":
            return Answer(self.ping)
        if request.path == "/execution-parameters":
            known = self._parameters is not None
            return Answer(200, json.dumps(self._parameters).encode()) if known else Answer(404)
        return self._invoke(request)

    def _invoke(self, request: Received) -> Answer:
        with self._lock:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        try:
            return self._behaviour(request.body)
        finally:
            with self._lock:
                self._open -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: ModelDouble) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that the other end has closed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _model(self) -> ModelDouble:
        return cast("_Server", self.server).model

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        self._respond(self._model.answer(Received("GET", self.path, dict(self.headers), b"")))

    def do_POST(self) -> None:
        body = self._body()
        self._respond(self._model.answer(Received("POST", self.path, dict(self.headers), body)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Silence."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        data = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return data

    def _respond(self, answer: Answer) -> None:
        if answer.close:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.content_type:
            self.send_header("Content-Type", answer.content_type)
        self.end_headers()
        self.wfile.write(answer.body)


BEHAVIOURS: Mapping[str, Behaviour] = {
    "lines": each_line(),
    "bare": each_line(ended=False),
    "echo": echo,
    "label": label,
    "fail-400": fail(400),
    "fail-500": fail(500),
    "fail-poison": fail(400, only=b"poison"),
    "break-off": lambda _body: Answer(close=True),
}
"""What an image named `double/<name>` does."""


def start_double(
    image: str,
    model_archive: Path | None,
    environment: Mapping[str, str],
    /,
    *,
    vcpus: int,
    log: Callable[[bytes], None],
    network_isolation: bool = False,
) -> ModelDouble:
    """A container runtime. Its images are the behaviours above, and some that fail in other ways."""
    name = image.rpartition("/")[2]
    size = model_archive.stat().st_size if model_archive else 0
    shown = {name: value for name, value in environment.items() if name.startswith("SAGEMAKER")}
    isolated = ", without network" if network_isolation else ""
    log(
        f"serving {name} on {vcpus} vCPUs{isolated}, archive of {size} bytes, {json.dumps(shown, sort_keys=True)}".encode()
    )
    if name == "never-starts":
        raise InstanceFailure(NO_PING)
    if name == "kills-worker":
        return ModelDouble(lambda _body: os._exit(3))
    if name == "slow":
        return ModelDouble(_slow)
    return ModelDouble(BEHAVIOURS[name], parameters={"MaxConcurrentTransforms": vcpus})


def _slow(body: bytes) -> Answer:
    time.sleep(0.5)
    return BEHAVIOURS["lines"](body)
