"""`pulumi-language-python [options] [engine address]`: serve the language host until the engine ends it or goes away."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

LOOK_AGAIN = 0.2  # seconds
INHERITED = dict(os.environ)
# gRPC would otherwise install fork handlers, which warn whenever a program is started.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ["GRPC_VERBOSITY"] = "NONE"

from localcloud.pulumi import without_sdk  # noqa: E402  after the settings

without_sdk()  # before anything imports a stub

from localcloud.pulumi.language_host.host import LanguageHost, start  # noqa: E402  it imports stubs


def main() -> NoReturn:
    """Serve; the port is the first line of standard output."""
    engine = os.getppid()
    address = next((argument for argument in reversed(sys.argv[1:]) if not argument.startswith("-")), "")
    host = LanguageHost(address)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: host.exit(0))
    server, port = start(host)
    os.environ.clear()
    os.environ.update(INHERITED)  # what programs inherit
    print(port, flush=True)
    while os.getppid() == engine:
        server.wait_for_termination(LOOK_AGAIN)
    host.exit(1)


if __name__ == "__main__":
    main()
