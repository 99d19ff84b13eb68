"""The part of HTTP/1.1 that a model container needs: reads whole requests and writes whole answers on a blocking socket."""

from __future__ import annotations

import http
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

_LINE_LIMIT: Final = 64 * 1024
_HEADER_LIMIT: Final = 100
_LENGTH_DIGITS: Final = 18  # Python refuses to read a number of thousands of digits
_LINGER_SECONDS: Final = 30  # this and the next as nginx has them
_SILENCE_SECONDS: Final = 5


class WireError(Exception):
    """The client closed the connection, or does not use HTTP/1.1."""


class Request(NamedTuple):
    method: str
    path: str  # without the query
    headers: dict[str, str]  # names in lower case
    body: bytes
    body_too_large: bool = False

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close" and not self.body_too_large


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"


def read_request(connection: socket.socket, body_limit: int) -> Request | None:
    """Read a request; None if the client has closed the connection.

    A body above the limit is not read. Its request says so, and is the last one on its connection.

    Args:
        connection: a connection on which a request begins.
        body_limit: the most bytes of a body.

    Raises:
        WireError: it is not a request of HTTP/1.1, or the connection ended within it.
    """
    with connection.makefile("rb") as stream:
        request_line = stream.readline(_LINE_LIMIT)
        if not request_line:
            return None
        method, path = _parse_request_line(request_line)
        headers = _read_headers(stream)
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = _read_chunked(stream, body_limit)
        else:
            body = _read_length(stream, headers, body_limit)
    return Request(method, path, headers, body or b"", body_too_large=body is None)


def write_answer(connection: socket.socket, answer: Answer, *, keep_alive: bool) -> None:
    """Write an answer, which says whether the connection is kept."""
    lines = [f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}", "Server: nginx"]
    lines += [f"Content-Type: {answer.content_type}", f"Connection: {'keep-alive' if keep_alive else 'close'}"]
    if answer.status != http.HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)


def discard_rest(connection: socket.socket) -> None:
    """Read on until the client has sent everything: closing earlier resets the connection, and may lose the answer."""
    deadline = time.monotonic() + _LINGER_SECONDS
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_SILENCE_SECONDS)
        while time.monotonic() < deadline and connection.recv(_LINE_LIMIT):
            pass


def _parse_request_line(line: bytes) -> tuple[str, str]:
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise WireError(f"not an HTTP/1.1 request: {line[:80]!r}")
    return words[0], words[1].partition("?")[0]


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := stream.readline(_LINE_LIMIT)).strip():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(headers) >= _HEADER_LIMIT:
            raise WireError(f"not a header: {line[:80]!r}")
        headers[name.strip().lower()] = value.strip()
    if not line:
        raise WireError("the connection ended within a request")
    return headers


def _read_length(stream: BinaryIO, headers: dict[str, str], limit: int) -> bytes | None:
    text = headers.get("content-length", "0")
    if not text.isdecimal() or len(text) > _LENGTH_DIGITS:
        raise WireError(f"not a length: {text[:80]!r}")
    return None if int(text) > limit else _read_exactly(stream, int(text))


def _read_chunked(stream: BinaryIO, limit: int) -> bytes | None:
    body = bytearray()
    while size := _chunk_size(stream.readline(_LINE_LIMIT)):
        if len(body) + size > limit:
            return None
        body += _read_exactly(stream, size)
        stream.readline(_LINE_LIMIT)
    while stream.readline(_LINE_LIMIT).strip():  # trailers
        pass
    return bytes(body)


def _chunk_size(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    if not size or size.strip(b"0123456789abcdefABCDEF"):
        raise WireError(f"not a chunk: {line[:80]!r}")
    return int(size, 16)


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    body = stream.read(length)
    if len(body) < length:
        raise WireError("the connection ended within a body")
    return body
