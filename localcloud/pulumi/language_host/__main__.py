"""`pulumi-language-python [options] [engine address]`: serve the language host until the engine ends it."""

from __future__ import annotations

import os
import signal
import sys

# gRPC would otherwise install fork handlers, which warn whenever a program is started.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from localcloud.pulumi.language_host.stubs import without_sdk

without_sdk()  # before anything imports a stub

from localcloud.pulumi.language_host.host import LanguageHost, serve


def main() -> None:
    """Serve on a free port, which is the first line of standard output."""
    address = next((argument for argument in reversed(sys.argv[1:]) if not argument.startswith("-")), "")
    host = LanguageHost(address)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: host.exit(0))
    serve(host)


if __name__ == "__main__":
    main()
