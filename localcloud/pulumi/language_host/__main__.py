"""`pulumi-language-python [options] [engine address]`: serve the language host until the engine ends it or goes away."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

LOOK_AGAIN = 0.2  # seconds
INHERITED = dict(os.environ)
# gRPC would otherwise install fork handlers, which warn whenever a program is started.
os.environ.update(GRPC_ENABLE_FORK_SUPPORT="0", GRPC_VERBOSITY="NONE")

from localcloud.pulumi import without_sdk  # noqa: E402  after the settings

without_sdk()  # before anything imports a stub

import grpc  # noqa: E402  after the settings
from pulumi.runtime.proto.language_pb2_grpc import add_LanguageRuntimeServicer_to_server  # noqa: E402  a stub

from localcloud.pulumi.language_host.host import LanguageHost  # noqa: E402  it imports stubs
from localcloud.pulumi.language_host.processes import MESSAGE_LIMIT  # noqa: E402  it imports stubs


def main() -> NoReturn:
    """Serve; the port is the first line of standard output."""
    engine = os.getppid()
    host = LanguageHost(next((argument for argument in reversed(sys.argv[1:]) if not argument.startswith("-")), ""))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: host.exit(0))
    server = grpc.server(ThreadPoolExecutor(32, "rpc"), options=[*MESSAGE_LIMIT, ("grpc.so_reuseport", 0)])
    add_LanguageRuntimeServicer_to_server(host, server)  # pyright: ignore[reportArgumentType]  its missing methods refuse
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.environ.clear()
    os.environ.update(INHERITED)  # what programs inherit
    print(port, flush=True)
    while os.getppid() == engine:
        server.wait_for_termination(LOOK_AGAIN)
    host.exit(1)


if __name__ == "__main__":
    main()
