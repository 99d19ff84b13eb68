"""The part of a kubelet's own API that `kubectl logs` needs. Only the API server may call it, by a client certificate."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

FindLog = Callable[[str, str, str], tuple[Path, int] | None]
"""Finds the log of (namespace, pod, container): its file, and the byte at which the log begins."""

_FOLLOW_SECONDS: Final = 0.25
_CHUNK: Final = 1 << 16
_TIMES: Final = ("sinceSeconds", "sinceTime", "timestamps")  # PodLogOptions of the Kubernetes API


class Handler(BaseHTTPRequestHandler):
    """Answers a request with a whole body, and logs nothing: a node's log is about the node, and requests carry tokens."""

    def answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        pass


class LoopbackServer:
    """An HTTP server on a free port of the loopback interface, until the process ends."""

    def __init__(self, handler: type[Handler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True, name=type(self).__name__).start()


class KubeletApi(LoopbackServer):
    """The kubelet's HTTPS server."""

    def __init__(self, keys: Path, find_log: FindLog) -> None:
        super().__init__(_handler(find_log))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "kubelet.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        # The request's own thread makes the handshake, so that a silent client does not hold up the others.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)


def read_log(path: Path, start: int, tail: int | None, follow: Callable[[], bool]) -> Iterator[bytes]:
    """The bytes of a log from a position on, or its last lines; waits for more while `follow()` is true."""
    with path.open("rb") as file:
        file.seek(start)
        if tail is not None:
            file.seek(_tail_position(path, start, tail))
        while True:
            while chunk := file.read(_CHUNK):
                yield chunk
            if not follow():
                return
            time.sleep(_FOLLOW_SECONDS)


def limited(chunks: Iterable[bytes], most: int | None) -> Iterator[bytes]:
    """The first `most` bytes of a log; None is unlimited."""
    for chunk in chunks:
        if most is not None and len(chunk) >= most:
            yield chunk[:most]
            return
        most = None if most is None else most - len(chunk)
        yield chunk


def refusal(query: Mapping[str, Sequence[str]], pod: str, container: str) -> str | None:
    """Why a log request is refused; None if it is not."""
    if query.get("previous") == ["true"]:  # all starts of a container write to one log
        return f'previous terminated container "{container}" in pod "{pod}" not found'
    if asked := [name for name in _TIMES if query.get(name, ["false"]) != ["false"]]:
        return f"the local node does not know when a line was written: {', '.join(asked)} are not available"
    return None


def _tail_position(path: Path, start: int, lines: int) -> int:
    """The byte at which the last lines begin; reads backwards, so that only the end of a long log is read."""
    with path.open("rb") as file:
        position = path.stat().st_size
        newlines_left = lines + 1
        while position > start:
            size = min(_CHUNK, position - start)
            position -= size
            file.seek(position)
            block = file.read(size)
            for offset in range(len(block) - 1, -1, -1):
                if block[offset : offset + 1] == b"\n":
                    newlines_left -= 1
                    if newlines_left == 0:
                        return position + offset + 1
    return start


def _handler(find_log: FindLog) -> type[Handler]:
    class LogHandler(Handler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            parts, query = split.path.strip("/").split("/"), parse_qs(split.query)
            found = find_log(parts[1], parts[2], parts[3]) if parts[0] == "containerLogs" and len(parts) == 4 else None
            if found is None or not found[0].exists():
                self.send_error(HTTPStatus.NOT_FOUND, "this node has no such log")
                return
            if refused := refusal(query, pod=parts[2], container=parts[3]):
                self.answer(HTTPStatus.BAD_REQUEST, "text/plain", refused.encode())
                return
            tail = int(query["tailLines"][0]) if "tailLines" in query else None
            most = int(query["limitBytes"][0]) if "limitBytes" in query else None
            follow = query.get("follow") == ["true"]
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            try:
                # a request that follows a log must end when the pod is gone
                for chunk in limited(read_log(*found, tail, lambda: follow and find_log(*parts[1:]) is not None), most):
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except OSError:
                self.close_connection = True

    return LogHandler
