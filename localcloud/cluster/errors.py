"""What can go wrong with a local cluster. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class ClusterError(Exception):
    """Root of this room's errors; its text is fit to be shown as it is."""


class StartError(ClusterError):
    """A control plane or a node does not come up."""


class UnknownClusterError(ClusterError):
    """No cluster of that name runs here."""


class ApiError(ClusterError):
    """The Kubernetes API refused a request."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
