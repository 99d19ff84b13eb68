"""The HTTP server: cheroot, threaded, with connections kept alive.

werkzeug's own server, which moto brings, closes the connection after each answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

from cheroot.wsgi import Server

_THREADS = 12
_MOST_THREADS = 48
_BACKLOG = 128
_IDLE_SECONDS = 60


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
        """Answer what is being answered, then close."""
        self._server.stop()
        self._thread.join(timeout=5)
