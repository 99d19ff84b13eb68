"""`python -m localcloud.cluster.node`: one node of a cluster, as kubelet, scheduler and Pod Identity agent in one.

Pods come from the real Deployment and ReplicaSet controllers. The node takes every pod that waits for a node, runs
those whose images are in its table as local processes, and writes their status, from which the controllers derive the
Deployment's. It reads the whole state at every event, so that a missed event does no harm.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from localcloud.cluster import podspec
from localcloud.cluster.kubelet_api import KubeletApi
from localcloud.cluster.pod import Images, Pod
from localcloud.cluster.pod_identity import Agent, Aws, PodTokens
from localcloud.kube import STRATEGIC_PATCH, KubeApi, KubeconfigError, KubernetesError, Object
from localcloud.process import die_with_parent

_TICK_SECONDS: Final = 0.25
_RESYNC_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 5.0
_PODS: Final = "/api/v1/pods"
_CONDITION: Final = "ImagesKnown"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a node, from its command line."""

    cluster: str
    nodegroup: str
    kubeconfig: Path
    home: Path
    aws_endpoint: str
    region: str
    labels: Mapping[str, str]
    table: Images

    @property
    def name(self) -> str:
        """The node's name in the cluster: the node group's, in the alphabet of DNS."""
        return re.sub(r"[^a-z0-9-]+", "-", self.nodegroup.lower()).strip("-") + ".local"

    @property
    def folder(self) -> Path:
        return self.kubeconfig.parent / "nodes" / self.nodegroup


class Node:
    """One node. `run` joins the cluster, and returns when the node has left it."""

    def __init__(self, settings: Settings, api: KubeApi) -> None:
        self._settings = settings
        self._api = api
        self._aws = Aws(settings.aws_endpoint, settings.region, settings.cluster)
        self._agent = Agent(self._aws)
        self._kubelet = KubeletApi(settings.kubeconfig.parent, self._find_log)
        self._authority = (settings.kubeconfig.parent / "ca.crt").read_bytes()
        self._pods: dict[str, Pod] = {}
        self._retry_at: dict[str, float] = {}
        self._reported: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the node to leave; `run` then returns."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Join the cluster, run its pods until asked to stop, then leave it."""
        self._agent.start()
        self._kubelet.start()
        self._register()
        threading.Thread(target=self._watch, daemon=True, name="watch").start()
        (self._settings.folder / "ready").touch()
        resync_at = 0.0
        while not self._stopping.is_set():
            if self._wake.wait(_TICK_SECONDS) or time.monotonic() > resync_at:
                self._wake.clear()
                resync_at = time.monotonic() + _RESYNC_SECONDS
                self._attempt(self._synchronise)
            for pod in list(self._pods.values()):
                self._attempt(self._tend, pod)
        self._leave()

    def _attempt(self, action: Any, *arguments: Any) -> None:
        """Make calls that the API server may refuse for the moment; the next round tries again."""
        try:
            action(*arguments)
        except KubernetesError as error:
            _log(str(error))
            self._stopping.wait(_TICK_SECONDS)

    def _synchronise(self) -> None:
        """Take new pods, and stop those that were deleted."""
        seen: set[str] = set()
        for manifest in self._api.get(_PODS)["items"]:
            node = manifest["spec"].get("nodeName")
            if node is None:
                self._bind(manifest)
            elif node == self._settings.name:
                seen.add(manifest["metadata"]["uid"])
                self._take(manifest)
        for uid, pod in self._pods.items():
            if uid not in seen:
                pod.begin_stop()

    def _bind(self, manifest: Object) -> None:
        """Bind a pod to this node, as a scheduler with one node would."""
        wanted: Mapping[str, str] = manifest["spec"].get("nodeSelector") or {}
        labels = self._labels()
        if "deletionTimestamp" in manifest["metadata"] or any(labels.get(key) != wanted[key] for key in wanted):
            return
        target = {"apiVersion": "v1", "kind": "Node", "name": self._settings.name}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": _name(manifest)}, "target": target}
        try:
            self._api.create(f"{_path(manifest)}/binding", binding)
        except KubernetesError as error:
            _log(f"{_name(manifest)} was not bound: {error}")  # another node was faster, or the pod was deleted

    def _take(self, manifest: Object) -> None:
        uid = manifest["metadata"]["uid"]
        pod = self._pods.get(uid)
        if pod is None:
            pod = Pod(
                manifest, self._settings.folder / "pods" / uid, self._settings.home / "logs", self._settings.table
            )
            self._pods[uid] = pod
            if "deletionTimestamp" not in manifest["metadata"]:
                self._prepare(pod)
        pod.manifest = manifest
        if "deletionTimestamp" in manifest["metadata"]:
            pod.begin_stop()

    def _prepare(self, pod: Pod) -> None:
        tokens = PodTokens(self._api, self._authority, pod.manifest, self._agent.url, self._aws.has_association)
        namespace = pod.manifest["metadata"]["namespace"]
        defaults = {"AWS_REGION": self._settings.region, "AWS_DEFAULT_REGION": self._settings.region}
        defaults |= {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"}
        defaults["AWS_ENDPOINT_URL"] = self._settings.aws_endpoint
        pod.prepare(tokens, defaults)
        self._retry_at[pod.uid] = time.monotonic() + _RETRY_SECONDS
        _log(f"pod {namespace}/{_name(pod.manifest)}: {pod.problem or 'prepared'}")
        pod.run()
        self._report(pod)
        self._report_images(pod)

    def _tend(self, pod: Pod) -> None:
        """One pod's share of a round."""
        if pod.stopping:
            if pod.stopped():
                self._api.delete(_path(pod.manifest), grace_seconds=0, uid=pod.uid)
                self._pods.pop(pod.uid)
                self._retry_at.pop(pod.uid, None)
                self._wake.set()
        elif pod.problem:
            if time.monotonic() > self._retry_at[pod.uid]:
                self._prepare(pod)
        elif pod.run() or pod.uid not in self._reported:
            self._report(pod)

    def _report(self, pod: Pod) -> None:
        self._reported.discard(pod.uid)
        try:
            self._api.patch(f"{_path(pod.manifest)}/status", {"status": pod.status()})
        except KubernetesError as error:
            if not error.not_found:
                raise
        self._reported.add(pod.uid)

    def _report_images(self, pod: Pod) -> None:
        """Name the images that do not run here in a condition of the Deployment, where people and tools look."""
        deployment = self._deployment_of(pod)
        if deployment is None:
            return
        conditions: list[Object] = deployment.get("status", {}).get("conditions") or []
        known = not pod.unknown_images
        if known and not any(one["type"] == _CONDITION for one in conditions):
            return
        condition = {
            "type": _CONDITION,
            "status": str(known),
            "reason": "ImagesKnown" if known else "ImageUnknown",
            "message": "" if known else pod.problem,
        }
        path = f"{_path(deployment, 'deployments', '/apis/apps/v1')}/status"
        self._api.patch(path, {"status": {"conditions": [condition]}}, STRATEGIC_PATCH)

    def _deployment_of(self, pod: Pod) -> Object | None:
        owner = _controller(pod.manifest)
        if owner is None or owner["kind"] != "ReplicaSet":
            return None
        base = f"/apis/apps/v1/namespaces/{pod.manifest['metadata']['namespace']}"
        replica_set = self._api.find(f"{base}/replicasets/{owner['name']}")
        above = _controller(replica_set) if replica_set else None
        return self._api.find(f"{base}/deployments/{above['name']}") if above else None

    def _find_log(self, namespace: str, name: str, container: str) -> tuple[Path, int] | None:
        for pod in list(self._pods.values()):
            metadata = pod.manifest["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name):
                return pod.log_of(container)
        return None

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                for _ in self._api.watch(_PODS):
                    self._wake.set()
            except KubernetesError as error:
                _log(str(error))
            self._wake.set()
            self._stopping.wait(1.0)

    def _labels(self) -> dict[str, str]:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        return {
            "kubernetes.io/hostname": self._settings.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": machine,
            "topology.kubernetes.io/region": self._settings.region,
            "eks.amazonaws.com/nodegroup": self._settings.nodegroup,
            **self._settings.labels,
        }

    def _register(self) -> None:
        self._settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = f"/api/v1/nodes/{self._settings.name}"
        self._api.delete(path)
        metadata = {"name": self._settings.name, "labels": self._labels()}
        self._api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        version = self._api.get("/version")["gitVersion"]
        room = {"cpu": "2", "memory": "4Gi", "pods": "17", "ephemeral-storage": "20Gi"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the node process runs"}
        status: Object = {
            "capacity": room,
            "allocatable": room,
            "conditions": [ready],
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": self._settings.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._kubelet.port}},
            "nodeInfo": {
                "kubeletVersion": version,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "process://1",
                "osImage": platform.platform(),
                "operatingSystem": "linux",
                "architecture": self._labels()["kubernetes.io/arch"],
                "kernelVersion": platform.release(),
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        }
        self._api.patch(f"{path}/status", {"status": status})

    def _leave(self) -> None:
        """Stop all pods, then delete them and the node from the cluster, which may be gone already."""
        for pod in self._pods.values():
            pod.begin_stop()
        deadline = time.monotonic() + _STOP_SECONDS
        # stopped() also kills a pod after its grace period, so each round calls it for every pod.
        while [pod for pod in self._pods.values() if not pod.stopped()] and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            for pod in self._pods.values():
                self._api.delete(_path(pod.manifest), grace_seconds=0, uid=pod.uid)
            self._api.delete(f"/api/v1/nodes/{self._settings.name}")
        except KubernetesError as error:
            _log(f"left a cluster that does not answer: {error}")
        (self._settings.folder / "ready").unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    die_with_parent()
    settings = _settings(arguments)
    try:
        node = Node(settings, KubeApi.from_kubeconfig(settings.kubeconfig))
    except KubeconfigError as error:
        _log(str(error))
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: node.stop())
    try:
        node.run()
    except KubernetesError as error:
        _log(f"the node cannot join the cluster: {error}")
        return 1
    gc.freeze()  # the interpreter ends sooner if it does not go through all objects
    return 0


def _settings(arguments: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m localcloud.cluster.node", description="One node of a cluster.")
    for name in ("cluster", "nodegroup", "aws-endpoint", "region"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--labels", type=json.loads, default={})
    parser.add_argument("--image", action="append", default=[], metavar="PATTERN=COMMAND")
    options = vars(parser.parse_args(arguments))
    return Settings(table={**podspec.parse_images(options.pop("image")), **podspec.IMAGES}, **options)


def _controller(manifest: Object) -> Object | None:
    owners: list[Object] = manifest["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _name(manifest: Object) -> str:
    return str(manifest["metadata"]["name"])


def _path(manifest: Object, plural: str = "pods", group: str = "/api/v1") -> str:
    return f"{group}/namespaces/{manifest['metadata']['namespace']}/{plural}/{_name(manifest)}"


def _log(line: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
