"""Calls of the endpoint to itself without a socket.

A request that is being answered holds one of the server's threads. Were it to call its own server over HTTP, as many
such requests as there are threads would wait for each other for ever.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

WsgiApplication = Callable[..., Iterable[bytes]]


def attach(client: Any, application: WsgiApplication) -> None:
    """Make a boto3 client call a WSGI application in its own thread; requests are signed as ever."""

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return _respond(request, application)

    client.meta.events.register("before-send", send)


def _respond(request: AWSPreparedRequest, application: WsgiApplication) -> AWSResponse:
    status = 500
    headers: dict[str, str] = {}

    def start_response(line: str, pairs: list[tuple[str, str]], _exc_info: object = None) -> None:
        nonlocal status
        status = int(line.split(" ", 1)[0])
        headers.update(pairs)

    body = b"".join(application(_environ(request), start_response))
    return AWSResponse(str(request.url), status, headers, _Raw(body))


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    url = urlsplit(str(request.url))
    body = request.body or b""
    data = (
        body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes | bytearray) else body.read()
    )
    environ: dict[str, Any] = {
        "REQUEST_METHOD": str(request.method),
        "REQUEST_URI": url.path + (f"?{url.query}" if url.query else ""),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "127.0.0.1",
        "SERVER_PORT": str(url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(data)),
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(data),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = text
    return environ


class _Raw(io.BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        while chunk := self.read(2**20):
            yield chunk
