"""The interface between EKS and the program that runs real Kubernetes clusters, `localcloud.cluster.backend`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
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
    """Runs Kubernetes clusters. Its calls block, and EKS makes them from threads of its own.

    Any exception of a call becomes the health issue of the cluster or node group.
    """

    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        """Start the control plane, bind the access policies, and return when it is ready."""
        ...

    def delete_cluster(self, name: str) -> None:
        """Stop the control plane and wipe its data, if it exists."""
        ...

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None:
        """Start the node of a group and return when it is registered."""
        ...

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None:
        """Drain and stop the node of a group, if it exists."""
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
        """Stop ACK if it runs; the objects that it managed stay."""
        ...

    def close(self) -> None:
        """Stop everything."""
        ...
