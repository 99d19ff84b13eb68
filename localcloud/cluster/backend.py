"""The clusters, node groups and capabilities of EKS, as processes of this machine.

Each cluster has its folder under `HOME/run/clusters`, which is deleted with the cluster. All children die with the
process that owns this object, so an owner that is killed leaves only files behind, and the next owner wipes them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud import process
from localcloud.cluster import capability
from localcloud.cluster.control_plane import (
    ClusterError,
    ControlPlane,
    await_start,
    python_environment,
    require_version,
)
from localcloud.cluster.rbac import bind_access_policies
from localcloud.go import binaries
from localcloud.go.programs import BuildError
from localcloud.kube import KubeApi


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


class LocalClusters:
    """Creates and deletes clusters and their nodes; every method blocks, and may be called from any thread.

    Args:
        home: folder of generated state.
        token_review_url: the webhook that authenticates a cluster's tokens, by the cluster's name.
        aws_endpoint: returns the AWS endpoint's URL, which is known only once the endpoint serves.
        region: AWS region of the clusters.
        images: more images that nodes can run, `pattern=command`, beside those of `podspec.IMAGES`.
    """

    def __init__(
        self,
        home: Path,
        token_review_url: Callable[[str], str],
        aws_endpoint: Callable[[], str],
        region: str,
        *,
        images: Sequence[str] = (),
    ) -> None:
        self._home = home
        self._token_review_url = token_review_url
        self._aws_endpoint = aws_endpoint
        self._region = region
        self._images = images
        self._planes: dict[str, ControlPlane] = {}
        self._children: dict[tuple[str, str, str], subprocess.Popen[bytes]] = {}  # by cluster, kind and name
        self._lock = threading.RLock()

    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        """Start a cluster; returns when it is ready.

        Raises:
            ClusterError, KubernetesError: it cannot be started. Everything of it has been removed.
        """
        found = _programs()
        require_version(version)
        plane = ControlPlane(
            name, self._folder(name), self._home / "logs", found, token_review_url=self._token_review_url(name)
        )
        with self._lock:
            if name in self._planes:
                raise ClusterError(f"A cluster named {name} already runs here")
            self._planes[name] = plane
        try:
            plane.start()
            bind_access_policies(KubeApi.from_kubeconfig(plane.kubeconfig))
        except BaseException:
            with self._lock:
                self._planes.pop(name, None)
            plane.wipe()
            raise
        return ClusterEndpoint(plane.endpoint, plane.authority, plane.kubeconfig)

    def delete_cluster(self, name: str) -> None:
        """Stop a cluster and its nodes, if it exists, and delete its data."""
        with self._lock:
            plane = self._planes.pop(name, None)
            children = [self._children.pop(key) for key in list(self._children) if key[0] == name]
        for child in children:
            process.stop(child, grace_seconds=10.0)
        if plane is not None:
            plane.wipe()

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None:
        """Start a node; returns when it has joined the cluster.

        Raises:
            ClusterError: there is no such cluster, or the node does not become ready.
        """
        ready = self._folder(cluster) / "nodes" / nodegroup / "ready"
        log = self._home / "logs" / f"{cluster}-node-{nodegroup}.log"
        with self._lock:
            plane = self._plane(cluster)
            if (cluster, "node", nodegroup) in self._children:
                raise ClusterError(f"Cluster {cluster} already has a node group named {nodegroup}")
            ready.unlink(missing_ok=True)  # left by a node that was killed
            environment = {**python_environment(), "LOCALCLOUD_HOME": str(self._home)}
            node = process.spawn(self._node_command(plane, nodegroup, labels), log=log, env=environment)
            self._children[cluster, "node", nodegroup] = node
        try:
            await_start(node, ready.exists, "node", log)
        except BaseException:
            self.delete_nodegroup(cluster, nodegroup)
            raise

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None:
        """Stop a node, if it exists; the node stops its pods and leaves the cluster."""
        self._stop(cluster, "node", nodegroup)

    def create_capability(self, cluster: str, name: str, keys: Mapping[str, str], arn: str) -> None:
        """Start ACK beside a cluster; returns when it is working.

        Raises:
            ClusterError: there is no such cluster, or the controller does not start.
            KubernetesError: the cluster refuses the controller's permissions.
        """
        folder = self._plane(cluster).folder
        log = self._home / "logs" / f"{cluster}-capability-{name}.log"
        running = capability.start(
            folder, log, aws_endpoint=self._aws_endpoint(), region=self._region, keys=keys, arn=arn
        )
        with self._lock:
            self._children[cluster, "capability", name] = running

    def delete_capability(self, cluster: str, name: str) -> None:
        """Stop the controller; the objects that it managed stay."""
        self._stop(cluster, "capability", name)

    def close(self) -> None:
        """Stop everything."""
        with self._lock:
            names = list(self._planes)
        for name in names:
            self.delete_cluster(name)

    def _plane(self, cluster: str) -> ControlPlane:
        with self._lock:
            if cluster not in self._planes:
                raise ClusterError(f"No cluster named {cluster} runs here")
            return self._planes[cluster]

    def _stop(self, cluster: str, kind: str, name: str) -> None:
        with self._lock:
            child = self._children.pop((cluster, kind, name), None)
        if child is not None:
            process.stop(child, grace_seconds=10.0)

    def _folder(self, cluster: str) -> Path:
        return self._home / "run" / "clusters" / cluster

    def _node_command(self, plane: ControlPlane, nodegroup: str, labels: Mapping[str, str]) -> list[str]:
        return [
            *(sys.executable, "-m", "localcloud.cluster.node"),
            f"--cluster={plane.name}",
            f"--nodegroup={nodegroup}",
            f"--kubeconfig={plane.kubeconfig}",
            f"--home={self._home}",
            f"--aws-endpoint={self._aws_endpoint()}",
            f"--region={self._region}",
            f"--labels={json.dumps(dict(labels))}",
            *(f"--image={image}" for image in self._images),
        ]


def _programs() -> binaries.Binaries:
    try:
        return binaries.control_plane()
    except BuildError as error:
        raise ClusterError(str(error)) from error
