"""HTTP requests and responses, which are in memory as a whole, and the HTTP server."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from cheroot.wsgi import Server
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

Environ = dict[str, Any]
_SIGNED_HEADERS = re.compile(r"SignedHeaders=([^,\s]+)")
_THREADS = 12
_MOST_THREADS = 48
_BACKLOG = 128
_IDLE_SECONDS = 60


@dataclass(frozen=True)
class HttpRequest:
    """A request, with its path and query as they were signed.

    Attributes:
        raw_path: the path, still percent-encoded.
        query: the query string without the question mark.
        headers: by their names in lower case; several values of a name are joined by a comma.
        environ: the WSGI environment with which the request came.
    """

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    environ: Environ = field(repr=False)

    @classmethod
    def from_environ(cls, environ: Environ) -> HttpRequest:
        uri = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ["PATH_INFO"])
        if "://" in uri:  # a proxy-style request line
            uri = "/" + uri.split("://", 1)[1].partition("/")[2]
        raw_path, _, query = uri.partition("?")
        return cls(
            method=str(environ["REQUEST_METHOD"]),
            raw_path=raw_path or "/",
            query=query,
            headers=_headers(environ),
            body=_body(environ),
            environ=environ,
        )

    def to_environ(self) -> Environ:
        """Return a WSGI environment for this request, from which its body has not been read yet."""
        environ = {key: value for key, value in self.environ.items() if not key.startswith("HTTP_")}
        environ |= {"HTTP_" + name.upper().replace("-", "_"): value for name, value in self.headers.items()}
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH", "TRANSFER_ENCODING"):
            environ.pop(name, None)
            environ.pop(f"HTTP_{name}", None)
        if "content-type" in self.headers:
            environ["CONTENT_TYPE"] = self.headers["content-type"]
        names = {"HTTP_" + name.upper().replace("-", "_"): name for name in self.headers if "_" in name}
        return environ | {
            PRESERVED_HEADER_NAMES_ENVIRON_KEY: names,
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.raw_path + ("?" + self.query if self.query else ""),
            "PATH_INFO": unquote_to_bytes(self.raw_path).decode("latin-1"),
            "QUERY_STRING": self.query,
            "CONTENT_LENGTH": str(len(self.body)),
            "wsgi.input": io.BytesIO(self.body),
        }


@dataclass
class HttpResponse:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def _headers(environ: Environ) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = str(environ[key])
    _restore_underscores(headers)
    return headers


def _restore_underscores(headers: dict[str, str]) -> None:
    """Restore underscores in the names of headers: WSGI makes them dashes, but the list of signed headers has them."""
    signed = _SIGNED_HEADERS.search(headers.get("authorization", ""))
    for name in signed[1].split(";") if signed else ():
        folded = name.replace("_", "-")
        if folded != name and folded in headers:
            headers[name] = headers.pop(folded)


def _body(environ: Environ) -> bytes:
    stream = cast("io.BufferedIOBase", environ["wsgi.input"])
    if environ.get("wsgi.input_terminated"):
        return stream.read()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return stream.read(length) if length else b""


class HttpServer:
    """Serves a WSGI application on 127.0.0.1."""

    def __init__(self, application: Callable[..., Iterable[bytes]], port: int) -> None:
        self._server = cast(
            "Any",
            Server(
                ("127.0.0.1", port),
                application,
                numthreads=_THREADS,
                max=_MOST_THREADS,
                request_queue_size=_BACKLOG,
                timeout=_IDLE_SECONDS,
                shutdown_timeout=2,
                server_name="localhost",
            ),
        )
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="http", daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.bind_addr[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests that are being answered, then close."""
        self._server.stop()
        self._thread.join(timeout=5)
