"""What can go wrong with a local cluster. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class ClusterError(Exception):
    """Root of this room's errors; its text is fit to be shown as it is."""


class BuildError(ClusterError):
    """The binaries of the control plane cannot be had."""


class NoGoToolchainError(BuildError):
    """There is no Go that is new enough, and none could be installed."""


class RegistryError(BuildError):
    """A package registry refuses or does not answer."""


class DiskFullError(BuildError):
    """There is too little room for the build."""


class StartError(ClusterError):
    """A control plane or a node does not come up."""


class UnknownClusterError(ClusterError):
    """No cluster of that name runs here."""


class ApiError(ClusterError):
    """The Kubernetes API refused a request."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
