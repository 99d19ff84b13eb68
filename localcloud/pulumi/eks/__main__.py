"""`python -m localcloud.pulumi.eks <engine address>`: the process behind `pulumi-resource-eks`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.pulumi.eks.children import register_references
from localcloud.pulumi.eks.servicer import EksProvider, EksServicer
from localcloud.pulumi.server import MESSAGE_LIMIT, end_with_parent, engine_address

# Each registration of a child blocks a thread until the child exists.
_THREADS = 256


async def main() -> None:
    """Serve; the SDK's component host is asynchronous, so this is not `server.serve`."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "registration"))
    server = grpc.aio.server(options=MESSAGE_LIMIT)
    servicer = EksServicer(EksProvider(), [], engine_address())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    end_with_parent()
    register_references()
    asyncio.run(main())
