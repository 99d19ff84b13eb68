"""`pulumi-language-python [options] [engine address]`: serve the language host until the engine ends it or goes away."""

from __future__ import annotations

import os

INHERITED = dict(os.environ)
# gRPC would otherwise install fork handlers, which warn whenever a program is started.
os.environ.update(GRPC_ENABLE_FORK_SUPPORT="0", GRPC_VERBOSITY="NONE")

from localcloud.pulumi import without_sdk  # noqa: E402  after the settings

without_sdk()  # before anything imports a stub

import grpc  # noqa: E402  after the settings
from pulumi.runtime.proto.language_pb2_grpc import add_LanguageRuntimeServicer_to_server  # noqa: E402  a stub

from localcloud.pulumi.language_host.host import LanguageHost  # noqa: E402  it imports stubs
from localcloud.pulumi.server import end_with_parent, engine_address, serve  # noqa: E402  it imports stubs


def main() -> None:
    host = LanguageHost(engine_address())

    def add(server: grpc.Server) -> None:
        add_LanguageRuntimeServicer_to_server(host, server)  # pyright: ignore[reportArgumentType]  its missing methods refuse
        os.environ.clear()
        os.environ.update(INHERITED)  # gRPC has read its settings; programs must not inherit them

    end_with_parent(host.exit)
    serve(add, threads=32)


if __name__ == "__main__":
    main()
