"""Runs a gRPC server as the process that an engine expects: it prints its port first, and ends with its parent.

The plugins also share here that they work only for stacks of the running local cloud, and that they have no schema.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc

from localcloud.home import home
from localcloud.pulumi.errors import NotRegisteredError
from localcloud.pulumi.wire import Urn

MESSAGE_LIMIT: Final = (("grpc.max_receive_message_length", 400 * 1024 * 1024),)  # bytes, as in the SDK and the engine
NO_SCHEMA: Final = (
    "the local cloud's plugins have no schema to generate code from: "
    "pass --generate-code=false to `pulumi import`, which still imports the resource"
)
_LOOK_AGAIN: Final = 0.2  # seconds


def engine_address() -> str:
    """The engine's `host:port`, the last argument of a process that an engine starts; empty without one."""
    return next((argument for argument in reversed(sys.argv[1:]) if not argument.startswith("-")), "")


def serve(add: Callable[[grpc.Server], object], *, threads: int) -> None:
    """Serve on a free port of the loopback interface until the process is ended.

    Args:
        add: adds the service to the server, which has not started yet.
        threads: how many calls are answered at once; threads start on demand.
    """
    server = grpc.server(ThreadPoolExecutor(threads, "rpc"), options=[*MESSAGE_LIMIT, ("grpc.so_reuseport", 0)])
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def end_with_parent(end: Callable[[int], object] = os._exit) -> None:
    """End this process with code 0 on an interrupt or a SIGTERM, and with code 1 when its parent has ended.

    Args:
        end: ends the process with an exit code.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end(0))
    # Not by the kernel's death signal: it comes when the *thread* that forked ends, and an engine's threads come and go.
    threading.Thread(target=_watch, args=(os.getppid(), end), daemon=True, name="parent-watch").start()


def _watch(parent: int, end: Callable[[int], object]) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_AGAIN)
    end(1)


def require_registered(urn: Urn) -> None:
    """Check that the running local cloud serves this stack; its supervisor lists such stacks in `run/cloud.json`.

    If a stack on AWS were used with the local cloud by mistake, a refresh would remove all resources from its state.

    Raises:
        NotRegisteredError: no local cloud runs, or it was not started for this stack.
    """
    stack, record = f"{urn.project}/{urn.stack}", home() / "run" / "cloud.json"
    try:
        cloud: dict[str, Any] = json.loads(record.read_text())
    except (OSError, ValueError):
        raise NotRegisteredError(f"no local cloud is running ({record} is missing): run `make up`") from None
    if stack not in cloud.get("stacks", []):
        known = ", ".join(cloud.get("stacks", [])) or "none"
        raise NotRegisteredError(
            f"the stack {stack} is not registered with the running local cloud (registered: {known}); "
            "these are the local cloud's plugins: `make up` registers and deploys the stack `local`, "
            "and a stack on AWS is run with the official plugins, `make up STACK=dev`"
        )
