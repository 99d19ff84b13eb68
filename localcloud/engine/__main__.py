"""`python -m localcloud.engine`: the command line."""

from __future__ import annotations

import os
import sys

# gRPC would otherwise install fork handlers, which warn whenever a plugin is started.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from localcloud.engine.commands import main
from localcloud.engine.stubs import without_sdk

if __name__ == "__main__":
    without_sdk()
    sys.exit(main(sys.argv[1:]))
