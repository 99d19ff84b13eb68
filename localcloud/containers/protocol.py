"""What the owner and the fork server say to each other.

A request is a length, JSON, and with its first byte two file descriptors: where the container's output goes, and a
pipe for its status. On that pipe come two numbers: the pid at once and, at the end, the exit code.
"""

from __future__ import annotations

import struct
from typing import Final, TypedDict

READY: Final = b"R"  # from the fork server, once, when its imports are done
LENGTH: Final = struct.Struct("!I")
NUMBER: Final = struct.Struct("!i")


class LaunchRequest(TypedDict):
    """What to become."""

    module: str  # whose `main()` is called in the fork itself; or, when empty,
    command: list[str]  # a program to execute
    environment: dict[str, str]
    scratch: str
