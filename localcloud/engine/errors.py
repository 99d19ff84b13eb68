"""What can go wrong in the engine, as the user is told about it; each error knows its exit code."""

from __future__ import annotations

OFFICIAL = (
    "The official Pulumi CLI can: install it (https://www.pulumi.com/docs/install/) and run the same command with it."
)


class EngineError(Exception):
    """A failure with a message for the user: what is wrong, where, what to do."""

    exit_code = 1


class UsageError(EngineError):
    """The command line is wrong."""


class UnconfirmedError(EngineError):
    """An update or a destroy needs to be confirmed, and there is nobody to do it."""

    exit_code = 2


class StackNotFoundError(EngineError):
    """The stack that the command line names does not exist."""

    exit_code = 6


class NoStackSelectedError(EngineError):
    """No stack is named, and none that exists is selected."""


class UnexpectedChangesError(EngineError):
    """Changes came up although none were expected."""

    exit_code = 7


class CancelledError(EngineError):
    """The user interrupted."""

    exit_code = 8


class BailError(EngineError):
    """A failure whose cause has already been shown."""


class LockedError(EngineError):
    """Another engine is at work on the stack."""


class StateError(EngineError):
    """The state file cannot be read, understood, trusted or written."""


class SecretsError(EngineError):
    """A secret cannot be encrypted or decrypted."""


class ConfigError(EngineError):
    """The project's or the stack's configuration is wrong."""


class PluginError(EngineError):
    """A plugin is missing, does not start, or does not answer as it should."""


class ProviderError(EngineError):
    """A provider refused or failed an operation."""


class RegistrationError(EngineError):
    """The program registered a resource in a way that cannot be carried out."""


class UnsupportedError(EngineError):
    """A feature that this engine refuses."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature}: the embedded engine does not support this. {OFFICIAL}")
