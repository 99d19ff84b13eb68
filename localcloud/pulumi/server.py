"""Runs a provider as the process that an engine expects: it prints its port first, and ends with its parent.

It works only for stacks of the running local cloud.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.home import home
from localcloud.pulumi.errors import NotRegisteredError
from localcloud.pulumi.wire import Urn

MESSAGE_LIMIT = 400 * 1024 * 1024  # the limit of the SDK and of the official engine
NO_SCHEMA = (
    "the local cloud's plugins have no schema to generate code from: "
    "pass --generate-code=false to `pulumi import`, which still imports the resource"
)
# Each creation blocks a thread, possibly for minutes; threads start on demand.
_THREADS = 512


def serve(provider: provider_pb2_grpc.ResourceProviderServicer) -> NoReturn:
    """Serve until the parent goes away or a signal comes."""
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server, port = start(provider)
    announce(port)
    server.wait_for_termination()
    sys.exit(0)


def start(provider: provider_pb2_grpc.ResourceProviderServicer) -> tuple[Any, int]:
    """Start serving on a free port of the loopback interface; tests use it within their own process."""
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(ThreadPoolExecutor(_THREADS, "rpc"), options=[*limits, ("grpc.so_reuseport", 0)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def die_with_parent() -> None:
    """End this process when its parent does."""
    # Not the kernel's death signal: it comes when the *thread* that forked ends, and an engine's threads come and go.
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent-watch").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def announce(port: int) -> None:
    """Print the port for the parent; standard output is for nothing else, so later output of a library goes to stderr."""
    print(port, flush=True)
    os.dup2(2, 1)


def require_registered(urn: Urn) -> None:
    """Check that the running local cloud serves this stack; its supervisor lists such stacks in `run/cloud.json`.

    The state of a stack on AWS that is used with the local cloud by mistake would lose all its resources in a refresh.

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
