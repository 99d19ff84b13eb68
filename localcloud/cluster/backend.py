"""The backend of EKS: clusters and node groups as processes of this machine.

Each cluster has its folder under `HOME/run/clusters`, which is deleted with the cluster. All children die with the
process that owns this object, so an owner that is killed leaves only files behind, and the next owner wipes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from localcloud import process
from localcloud.aws.eks.backend import ClusterEndpoint
from localcloud.cluster import capability
from localcloud.cluster.control_plane import (
    ClusterError,
    ControlPlane,
    StartError,
    UnknownClusterError,
    require_version,
)
from localcloud.go import binaries
from localcloud.go.programs import BuildError
from localcloud.home import CHECKOUT

_NODE_READY_SECONDS: Final = 60.0


class LocalClusters:
    """Creates and deletes clusters and their nodes; every method may be called from any thread.

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
        self._nodes: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self._capabilities: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        """Start a cluster; returns when it is ready.

        Raises:
            ClusterError: it cannot be started; nothing of it is left behind.
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
            nodes = [
                running.pop(key)
                for running in (self._nodes, self._capabilities)
                for key in list(running)
                if key[0] == name
            ]
        for node in nodes:
            process.stop(node, grace_seconds=10.0)
        if plane is not None:
            plane.wipe()

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None:
        """Start a node; returns when it has joined the cluster.

        Raises:
            ClusterError: there is no such cluster, or the node does not become ready.
        """
        with self._lock:
            plane = self._planes.get(cluster)
            if plane is None:
                raise UnknownClusterError(f"No cluster named {cluster} runs here")
            if (cluster, nodegroup) in self._nodes:
                raise ClusterError(f"Cluster {cluster} already has a node group named {nodegroup}")
            folder = self._folder(cluster) / "nodes" / nodegroup
            (folder / "ready").unlink(missing_ok=True)  # left by a node that was killed
            log = self._home / "logs" / f"{cluster}-node-{nodegroup}.log"
            node = process.spawn(self._node_command(plane, nodegroup, labels), log=log, env=self._node_environment())
            self._nodes[cluster, nodegroup] = node
        try:
            _wait_for_node(node, folder / "ready", log)
        except BaseException:
            self.delete_nodegroup(cluster, nodegroup)
            raise

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None:
        """Stop a node, if it exists; the node stops its pods and leaves the cluster."""
        with self._lock:
            node = self._nodes.pop((cluster, nodegroup), None)
        if node is not None:
            process.stop(node, grace_seconds=10.0)

    def create_capability(self, cluster: str, name: str, keys: Mapping[str, str], arn: str) -> None:
        """Start ACK beside a cluster; returns when it is working.

        Raises:
            ClusterError: there is no such cluster, or the controller does not start.
        """
        with self._lock:
            plane = self._planes.get(cluster)
        if plane is None:
            raise UnknownClusterError(f"No cluster named {cluster} runs here")
        log = self._home / "logs" / f"{cluster}-capability-{name}.log"
        running = capability.start(
            plane.folder, log, aws_endpoint=self._aws_endpoint(), region=self._region, keys=keys, arn=arn
        )
        with self._lock:
            self._capabilities[cluster, name] = running

    def delete_capability(self, cluster: str, name: str) -> None:
        """Stop the controller; the objects that it managed stay."""
        with self._lock:
            running = self._capabilities.pop((cluster, name), None)
        if running is not None:
            process.stop(running, grace_seconds=10.0)

    def health(self, cluster: str) -> list[str]:
        """One line for each process of a cluster that ended by itself; empty when all of them run."""
        with self._lock:
            plane = self._planes.get(cluster)
            nodes = {key[1]: node for key, node in self._nodes.items() if key[0] == cluster}
        if plane is None:
            return [f"no cluster named {cluster} runs here"]
        dead = [f"node {name} ended with code {node.poll()}" for name, node in nodes.items() if node.poll() is not None]
        return plane.health() + dead

    def close(self) -> None:
        """Stop everything."""
        with self._lock:
            names = list(self._planes)
        for name in names:
            self.delete_cluster(name)

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

    def _node_environment(self) -> dict[str, str]:
        path = os.pathsep.join(part for part in (str(CHECKOUT), os.environ.get("PYTHONPATH")) if part)
        return {**os.environ, "LOCALCLOUD_HOME": str(self._home), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _wait_for_node(node: subprocess.Popen[bytes], ready: Path, log: Path) -> None:
    deadline = time.monotonic() + _NODE_READY_SECONDS
    while not ready.exists():
        if node.poll() is not None:
            raise StartError(f"The node ended with code {node.returncode} before it was ready; log: {log}")
        if time.monotonic() > deadline:
            raise StartError(f"The node is not ready after {_NODE_READY_SECONDS:.0f} s; log: {log}")
        time.sleep(0.05)


def _programs() -> binaries.Binaries:
    try:
        return binaries.control_plane()
    except BuildError as error:
        raise ClusterError(str(error)) from error
