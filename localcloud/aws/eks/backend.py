"""What EKS asks of whoever runs real Kubernetes clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class ClusterError(Exception):
    """A cluster or node group could not be made or removed. The message says why and what to do."""


@dataclass(frozen=True)
class ClusterEndpoint:
    """How a running cluster is reached.

    Attributes:
        endpoint: URL of the Kubernetes API server.
        certificate_authority: PEM of the authority that signed its certificate.
        admin_kubeconfig: file whose credentials may do everything in the cluster.
    """

    endpoint: str
    certificate_authority: bytes
    admin_kubeconfig: Path


class ClusterBackend(Protocol):
    """Runs Kubernetes clusters. Calls block; EKS makes them from threads of its own."""

    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        """Start the control plane and return when it is ready.

        Raises:
            ClusterError: it does not come up, or this version cannot be run here.
        """
        ...

    def delete_cluster(self, name: str) -> None:
        """Stop the control plane and wipe its data. A cluster that is not there is no error."""
        ...

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None:
        """Start the node of a group and return when it is registered.

        Raises:
            ClusterError: the node does not come up.
        """
        ...

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None:
        """Drain and stop the node of a group. A group that is not there is no error."""
        ...

    def create_capability(self, cluster: str, name: str, keys: Mapping[str, str], arn: str) -> None:
        """Run ACK beside a cluster and return when it works.

        Args:
            cluster: the cluster's name.
            name: the capability's.
            keys: variables with the keys of the capability's role.
            arn: the capability's.

        Raises:
            ClusterError: the controller does not come up.
        """
        ...

    def delete_capability(self, cluster: str, name: str) -> None:
        """Stop ACK; what it managed stays. One that is not there is no error."""
        ...

    def close(self) -> None:
        """Stop everything."""
        ...


class NoClusters:
    """Runs none: every cluster fails, and says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        raise ClusterError(f"Cluster {name} ({version}) cannot run. {self._reason}")

    def delete_cluster(self, name: str) -> None:
        """Nothing runs."""

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None:
        raise ClusterError(f"Node group {nodegroup} of {cluster} with {dict(labels)} cannot run. {self._reason}")

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None:
        """Nothing runs."""

    def create_capability(self, cluster: str, name: str, keys: Mapping[str, str], arn: str) -> None:
        raise ClusterError(f"Capability {name} of {cluster} cannot run ({arn}, {len(keys)} keys). {self._reason}")

    def delete_capability(self, cluster: str, name: str) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""
