"""How bodies are sent: connections kept, deadlines that hold for the whole answer, retries counted."""

from __future__ import annotations

import http.client
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.batch_transform.errors import ObjectFailure, Stopped
from localcloud.batch_transform.invocation import Body, Model, Serving
from localcloud.batch_transform.job import Cancellation, Transform
from tests.localcloud.batch_transform.doubles import Answer, ModelDouble, echo

_BEYOND_SELECT = 1100


@contextmanager
def serving(url: str, cancellation: Cancellation | None = None, **job: Any) -> Generator[Model]:
    settings = Transform("s3://b/in", "s3://b/out", **job)
    model = Model([Serving(url)], settings, cancellation or Cancellation())
    try:
        yield model
    finally:
        model.close()


@contextmanager
def raw_server(*parts: bytes, pause: float = 0.0) -> Generator[tuple[str, list[int]]]:
    """Answers each connection's first request with these bytes, slowly; counts connections."""
    connections: list[int] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(1)
            with connection:
                try:
                    _receive_one_byte_body(connection)
                    for part in parts:
                        connection.sendall(part)
                        time.sleep(pause)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _receive_one_byte_body(connection: socket.socket) -> None:
    """Read a request to its end: closing on what is unread would reset the connection and lose the answer."""
    request = b""
    while len(request.partition(b"\r\n\r\n")[2]) < 1 and (part := connection.recv(2**16)):
        request += part


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[http.client.HTTPConnection]:
    """The connections that a test makes."""
    connections, connect = list[http.client.HTTPConnection](), http.client.HTTPConnection.connect

    def connect_and_note(connection: http.client.HTTPConnection) -> None:
        connections.append(connection)
        connect(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect_and_note)
    return connections


def test_one_connection_serves_many_requests(made: list[http.client.HTTPConnection]) -> None:
    double = ModelDouble(echo)
    with serving(double.url) as model:
        for number in range(5):
            assert model.invoke(b"%d" % number) == b"%d" % number
    double.stop()
    assert len(made) == 1


def test_a_body_of_many_megabytes_arrives_whole() -> None:
    double = ModelDouble(echo)
    body = bytes(range(256)) * 2**15
    with serving(double.url) as model:
        assert model.invoke(body) == body
        assert model.invoke(lambda: iter([body, b"", body])) == body * 2
    double.stop()


def test_a_connection_that_the_server_closed_meanwhile_does_not_count_as_a_failed_attempt(
    made: list[http.client.HTTPConnection],
) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as (url, connections):
        with serving(url, max_retries=0) as model:
            assert model.invoke(b"1") == b"ok"
            assert select.select([made[0].sock], [], [], 10)[0]
            assert model.invoke(b"2") == b"ok"
        assert len(connections) == 2


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """The next descriptors are beyond what select.select takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= _BEYOND_SELECT:
        pytest.xfail("this system allows a process few descriptors")
    if soft != resource.RLIM_INFINITY and soft <= _BEYOND_SELECT:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_BEYOND_SELECT + 100, hard))
    with ExitStack() as taken:
        while taken.enter_context(Path(os.devnull).open("rb")).fileno() < _BEYOND_SELECT:
            pass
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_connection_may_have_a_descriptor_of_any_number(made: list[http.client.HTTPConnection]) -> None:
    double = ModelDouble(echo)
    with serving(double.url, max_retries=0) as model:
        assert model.invoke(b"1") == b"1"
        assert model.invoke(b"2") == b"2"
        (connection,) = made
        assert connection.sock.fileno() > _BEYOND_SELECT
    double.stop()


def test_the_deadline_holds_for_an_answer_that_comes_drop_by_drop() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    start = time.monotonic()
    with (
        raw_server(head, *[b"x"] * 999, pause=0.05) as (url, _),
        serving(url, timeout_seconds=0.3, max_retries=0) as model,
    ):
        with pytest.raises(ObjectFailure, match="InternalServerError"):
            model.invoke(b"1")
        assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", id="shorter than announced"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", id="a chunk cut off"),
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_broken_answer_counts_as_no_answer(answer: bytes) -> None:
    with raw_server(answer) as (url, connections), serving(url, max_retries=2) as model:
        with pytest.raises(ObjectFailure) as raised:
            model.invoke(b"1")
        assert raised.value.lines == ("Unable to get response from algorithm",)
        assert len(connections) == 3


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"1" * 2**25, id="with a length"),
        pytest.param(lambda: iter([b"1" * 2**20] * 32), id="in chunks"),
    ],
)
def test_an_answer_before_the_whole_body_was_sent_is_the_answer(body: Body) -> None:
    answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
    with raw_server(answer) as (url, connections), serving(url) as model:
        with pytest.raises(ObjectFailure, match="ClientError") as raised:
            model.invoke(body)
        assert raised.value.lines == ("ClientError: 413", "", "Message:", "no")
        assert len(connections) == 1


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\nall of it") as (url, _), serving(url) as model:
        assert model.invoke(b"1") == b"all of it"


def test_a_port_without_a_server_gives_no_answer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # nobody else gets the port
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with serving(url) as model, pytest.raises(ObjectFailure, match="InternalServerError"):
            model.invoke(b"1")


def test_a_retry_sends_a_streamed_body_from_its_start() -> None:
    answers = iter([Answer(500), Answer(body=b"ok")])
    double = ModelDouble(lambda _: next(answers))
    with serving(double.url) as model:
        assert model.invoke(lambda: iter([b"ab", b"cd"])) == b"ok"
    double.stop()
    assert double.bodies == [b"abcd", b"abcd"]


def test_a_stop_ends_an_open_request_at_once() -> None:
    double = ModelDouble(lambda _: time.sleep(30) or Answer())
    cancellation = Cancellation()
    start = time.monotonic()
    threading.Timer(0.1, cancellation.cancel).start()
    with serving(double.url, cancellation) as model, pytest.raises(Stopped):
        model.invoke(b"1")
    assert time.monotonic() - start < 10
    double.stop()


def test_a_stop_while_a_connection_is_made_ends_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    cancellation, connect = Cancellation(), http.client.HTTPConnection.connect

    def stop_and_connect(connection: http.client.HTTPConnection) -> None:
        cancellation.cancel()
        connect(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", stop_and_connect)
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with serving(url, cancellation, timeout_seconds=30) as model, pytest.raises(Stopped):
            model.invoke(b"1")
    assert time.monotonic() - start < 10
