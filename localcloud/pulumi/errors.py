"""Errors that a plugin can return instead of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.pulumi.wire import Properties


class PluginError(Exception):
    """The operation failed, and changed nothing that Pulumi must know about."""


class NotRegisteredError(PluginError):
    """The stack is not registered with the running local cloud."""


class UnknownTypeError(PluginError):
    """The local cloud has no such resource type or function."""


class CancelledError(PluginError):
    """The engine asked to stop."""


class CallError(PluginError):
    """AWS refused a call, did not answer, or did not finish its work in time."""


@dataclass(frozen=True)
class Failure:
    """One invalid input."""

    property: str
    reason: str


class InputsError(PluginError):
    """Invalid inputs that were found after Check."""

    def __init__(self, message: str, failures: Sequence[Failure]) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class InitializationError(PluginError):
    """The object exists but did not become ready; its state must be kept.

    Args:
        identity: the object's id.
        outputs: the outputs that are known.
        reasons: why it is not ready.
    """

    def __init__(self, identity: str, outputs: Properties, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.identity = identity
        self.outputs = outputs
        self.reasons = tuple(reasons)
