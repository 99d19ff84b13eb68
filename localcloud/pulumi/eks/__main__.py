"""`python -m localcloud.pulumi.eks <engine address>`: the process behind `pulumi-resource-eks`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.pulumi.eks.children import register_references
from localcloud.pulumi.eks.servicer import EksProvider, EksServicer
from localcloud.pulumi.server import MESSAGE_LIMIT, announce, die_with_parent

# Each registration of a child blocks a thread until the child exists.
_THREADS = 256


async def main(engine: str) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "registration"))
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.aio.server(options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(EksServicer(EksProvider(), [], engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    announce(port)
    await server.wait_for_termination()


if __name__ == "__main__":
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    register_references()
    asyncio.run(main(next((a for a in sys.argv[1:] if not a.startswith("-")), "")))
