"""What can go wrong between the plugin and a cluster."""

from __future__ import annotations

from localcloud.pulumi.errors import PluginError


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


def explained(error: KubernetesError, manager: str) -> str:
    """What went wrong when this field manager applied an object, and what to do, in the official provider's words."""
    if not isinstance(error, ApiError):
        return str(error)
    if error.reason == "AlreadyExists":
        return (
            f"{error}. The resource already exists in the cluster: import it, delete it, or set "
            "`upsertExistingObjects` on the provider to allow server-side apply to update existing objects on create"
        )
    if error.reason == "Conflict" or error.conflict:
        return (
            "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/"
            "how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources "
            f'for troubleshooting help: the resource managed by field manager "{manager}" had an apply conflict: {error}'
        )
    return str(error)
