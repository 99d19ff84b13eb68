"""What can go wrong in the operator."""

from __future__ import annotations


class OperatorError(Exception):
    """The operator cannot go on; its message says why and what to do."""


class SettingsError(OperatorError):
    """A flag or a variable of the environment is wrong."""


class KubernetesError(OperatorError):
    """The API server refused a request, or could not be reached (status 0)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def conflict(self) -> bool:
        return self.status == 409

    @property
    def gone(self) -> bool:
        """A watch asked for events that the server has forgotten."""
        return self.status == 410
