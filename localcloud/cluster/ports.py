"""Free ports of the loopback interface. Another process may take one before its server binds it: callers try again."""

from __future__ import annotations

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """As many different ports, all free just now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
