"""What can go wrong between the plugin and a cluster."""

from __future__ import annotations

from localcloud.plugins.errors import PluginError


class KubernetesError(PluginError):
    """A Kubernetes operation failed."""


class UnreachableError(KubernetesError):
    """The API server does not answer, or nobody can say who we are."""


class NoMatchError(KubernetesError):
    """The API server serves no such kind."""


class ApiError(KubernetesError):
    """The API server refused.

    Args:
        status: HTTP status.
        reason: Kubernetes' reason, such as NotFound.
        message: its message.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def conflict(self) -> bool:
        return self.status == 409


class NotReadyError(KubernetesError):
    """An object is there and did not get into the state waited for.

    Args:
        message: what was waited for.
        live: the object as last seen.
    """

    def __init__(self, message: str, live: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.live = live
