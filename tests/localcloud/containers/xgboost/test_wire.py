"""HTTP over a pair of sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from localcloud.containers.xgboost import wire
from localcloud.containers.xgboost.wire import Answer, Request, WireError, discard_rest, read_request, write_answer


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def _read(ends: tuple[socket.socket, socket.socket], sent: bytes, limit: int = 100) -> Request | None:
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.shutdown(socket.SHUT_WR)
    return read_request(ours, limit)


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        pytest.param(b"Content-Length: 3\r\n\r\n1,2", b"1,2", id="length"),
        pytest.param(b"\r\n", b"", id="none"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2\r\n1,\r\n1;x=y\r\n2\r\n0\r\n\r\n", b"1,2", id="chunked"),
        pytest.param(b"transfer-encoding: Chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n", b"", id="no chunk and a trailer"),
    ],
)
def test_a_body_is_read(ends: tuple[socket.socket, socket.socket], sent: bytes, body: bytes) -> None:
    request = _read(ends, b"POST /invocations?x=1 HTTP/1.1\r\nAccept: text/csv\r\n" + sent)
    assert request is not None
    assert (request.method, request.path, request.headers["accept"], request.body) == (
        "POST",
        "/invocations",
        "text/csv",
        body,
    )
    assert request.keep_alive


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"Content-Length: 101\r\n\r\n", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n65\r\n", id="chunk"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n64\r\n", id="chunks together"),
    ],
)
def test_a_body_beyond_the_limit_is_not_read(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    request = _read(ends, b"POST / HTTP/1.1\r\n" + sent)
    assert request is not None
    assert request.body_too_large
    assert not request.keep_alive


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(b"GET / SMTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"GET / HTTP/1.1\r\nheader\r\n\r\n", id="no header"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n", id="cut off in the headers"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort", id="cut off in the body"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", id="length of 5000 digits"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", id="no chunk size"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", id="negative chunk size"),
    ],
)
def test_a_broken_request_is_given_up(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    with pytest.raises(WireError):
        _read(ends, sent)


def test_a_closed_connection_has_no_request(ends: tuple[socket.socket, socket.socket]) -> None:
    assert _read(ends, b"") is None


def test_a_client_that_waits_to_be_told_is_told_to_go_on(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    read: list[Request | None] = []
    reader = threading.Thread(target=lambda: read.append(read_request(ours, 60)))
    reader.start()
    assert theirs.recv(100).startswith(b"HTTP/1.1 100 ")
    theirs.sendall(b"x")
    reader.join(60)
    assert read[0] is not None
    assert read[0].body == b"x"


@pytest.mark.parametrize(
    ("answer", "keep_alive", "expected"),
    [
        pytest.param(
            Answer(200, b"1\n", "text/csv; charset=utf-8"),
            True,
            b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/csv; charset=utf-8\r\n"
            b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\n1\n",
            id="content",
        ),
        pytest.param(
            Answer(204),
            False,
            b"HTTP/1.1 204 No Content\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\n"
            b"Connection: close\r\n\r\n",
            id="no content has no length",
        ),
    ],
)
def test_an_answer_is_written(
    ends: tuple[socket.socket, socket.socket], answer: Answer, *, keep_alive: bool, expected: bytes
) -> None:
    ours, theirs = ends
    write_answer(ours, answer, keep_alive=keep_alive)
    assert theirs.recv(1000) == expected


@pytest.mark.parametrize(
    ("limit", "part"),
    [
        pytest.param("_LINGER_SECONDS", b"x" * 1000, id="never stops sending"),
        pytest.param("_SILENCE_SECONDS", b"", id="keeps silent"),
    ],
)
def test_a_client_that_does_not_end_is_not_listened_to_for_ever(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, limit: str, part: bytes
) -> None:
    ours, theirs = ends
    monkeypatch.setattr(wire, limit, 0.1)
    ended = threading.Event()

    def send() -> None:
        with suppress(OSError):
            while not ended.wait(0.001):
                theirs.sendall(part)

    sender = threading.Thread(target=send)
    sender.start()
    discard_rest(ours)
    assert theirs.recv(1) == b""
    ended.set()
    ours.close()
    sender.join(60)
