"""The processes of the container: a parent that keeps the connections, and workers that answer one request at a time.

When a request arrives on a connection, the parent sends the connection's file descriptor to a free worker, which sends a
byte back when it has answered. So a request never waits for a busy worker while another is free, on whatever connection
it comes. Workers are forked when they are needed, after the model is loaded and before anything is predicted. A worker
that dies is replaced; its client's connection is closed, as behind nginx.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from localcloud.containers.xgboost import log
from localcloud.containers.xgboost.wire import Answer, Request, WireError, discard_rest, read_request, write_answer
from localcloud.process import preexec_die_with_parent

Handler = Callable[[Request], Answer]

_KEEP, _CLOSE = b"k", b"c"
_BODY_SECONDS: Final = 60  # as nginx has it
_BACKLOG: Final = 512


@dataclass(eq=False)
class _Worker:
    pid: int
    channel: socket.socket
    connection: socket.socket | None = None  # on which the request came that it answers


class Server:
    """Listens on a port of 127.0.0.1.

    Args:
        handle: answers a request.
        port: the port; 0 takes a free one.
        workers: the most workers.
        body_limit: the most bytes of a request's body.
    """

    def __init__(self, handle: Handler, *, port: int, workers: int, body_limit: int) -> None:
        self._handle = handle
        self._most_workers = workers
        self._body_limit = body_limit
        self._parent = os.getppid()
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        self._waiting: deque[socket.socket] = deque()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(_BACKLOG)
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def run(self) -> None:
        """Serve until the parent process has ended. SIGTERM ends this process."""
        while os.getppid() == self._parent:
            for key, _ in self._selector.select(timeout=0.5):
                key.data()
            self._hand_out()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._watch(connection)

    def _watch(self, connection: socket.socket) -> None:
        def ready() -> None:
            self._selector.unregister(connection)
            self._waiting.append(connection)

        self._selector.register(connection, selectors.EVENT_READ, ready)

    def _hand_out(self) -> None:
        while self._waiting and (worker := self._free_worker()):
            connection = self._waiting.popleft()
            try:
                socket.send_fds(worker.channel, [b"r"], [connection.fileno()])
            except OSError:  # the worker has died, and has not read the request
                self._waiting.appendleft(connection)
                self._bury(worker)
            else:
                worker.connection = connection

    def _free_worker(self) -> _Worker | None:
        free = next((worker for worker in self._workers if worker.connection is None), None)
        if free is None and len(self._workers) < self._most_workers:
            return self._fork()
        return free

    def _fork(self) -> _Worker:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_worker(theirs)
        theirs.close()
        worker = _Worker(pid, ours)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._done(worker))
        return worker

    def _done(self, worker: _Worker) -> None:
        try:
            verdict = worker.channel.recv(1)
        except OSError:
            verdict = b""
        connection, worker.connection = worker.connection, None
        if verdict == _KEEP and connection:
            self._watch(connection)
        elif connection:
            connection.close()
        if not verdict:
            self._bury(worker)

    def _bury(self, worker: _Worker) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(worker.channel)
        worker.channel.close()
        self._workers.remove(worker)
        if worker.connection:
            worker.connection.close()
        _, status = os.waitpid(worker.pid, 0)
        log.error(f"Worker {worker.pid} ended with {os.waitstatus_to_exitcode(status)}")

    def _become_worker(self, channel: socket.socket) -> None:
        try:
            preexec_die_with_parent()
            self._leave_to_parent()
            while (connection := _receive_connection(channel)) is not None:
                with connection:
                    channel.send(_KEEP if self._answer(connection) else _CLOSE)
        except BaseException as error:  # noqa: BLE001  a worker must not run on into its parent's loop
            log.error(f"Worker {os.getpid()}: {type(error).__name__}: {error}")
        finally:
            os._exit(0)

    def _leave_to_parent(self) -> None:
        """Close the copies of the parent's sockets, so that a connection ends when the parent closes it."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        for connection in self._waiting:
            connection.close()
        for worker in self._workers:
            if worker.connection:
                worker.connection.close()
        self._selector.close()

    def _answer(self, connection: socket.socket) -> bool:
        """Answer a request. Returns whether the connection may be used again."""
        connection.settimeout(_BODY_SECONDS)
        try:
            request = read_request(connection, self._body_limit)
            if request is None:
                return False
            answer = self._handle(request)
            # Logged before it is answered: with the answer, the client may end the container.
            log.access(connection.getpeername()[0], request, answer)
            write_answer(connection, answer, keep_alive=request.keep_alive)
            if request.body_too_large:
                discard_rest(connection)
        except (OSError, WireError) as error:
            log.error(f"Connection closed: {error}")
            return False
        return request.keep_alive


def _receive_connection(channel: socket.socket) -> socket.socket | None:
    message, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    return socket.socket(fileno=descriptors[0]) if message else None
