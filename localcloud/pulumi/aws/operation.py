"""The arguments and results of an operation on a resource."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.pulumi import errors
from localcloud.pulumi.errors import Failure
from localcloud.pulumi.wire import Properties, Urn


@dataclass(frozen=True)
class Checked:
    """Inputs with defaults and names filled in, or the failures that were found in them."""

    inputs: Properties
    failures: Sequence[Failure] = ()
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Target:
    """The resource that an operation is about.

    Args:
        urn: its URN.
        identity: its id; empty before it is created.
        timeout: seconds that the program allows, or 0 if it sets no time.
        seed: the random bytes of a Check.
    """

    urn: Urn
    identity: str = ""
    timeout: float = 0.0
    seed: bytes = b""


@dataclass(frozen=True)
class Found:
    """An existing object: its id, its outputs, and the inputs that would create it."""

    identity: str
    outputs: Properties
    inputs: Properties


class Stop(threading.Event):
    """Set once the engine asks to stop; every wait checks it."""

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the engine asks to stop.

        Raises:
            CancelledError: the engine asked to stop.
        """
        if self.wait(seconds):
            raise errors.CancelledError("stopped on request")
