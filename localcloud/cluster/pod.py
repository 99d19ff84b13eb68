"""One pod as local processes: the work of the kubelet and of a container runtime, for the images that the node knows.

A pod's containers start once; a container that ends is started again after a back-off that doubles, as under
`restartPolicy: Always`. A pod gets its environment and its credentials when it starts; on EKS they are injected when the
pod is created.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from localcloud import process
from localcloud.cluster import podspec
from localcloud.cluster.pod_identity import AwsCallError, PodTokens
from localcloud.kube import KubernetesError, Object

Images = Mapping[str, tuple[str, ...]]

_FIRST_BACKOFF_SECONDS: Final = 1.0
_LAST_BACKOFF_SECONDS: Final = 60.0
_STABLE_SECONDS: Final = 60.0
_LONGEST_GRACE_SECONDS: Final = 10.0
# The variables that a Python program needs here. None of them identifies the user to AWS.
_INHERITED: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "LOCALCLOUD_HOME")


@dataclass(slots=True)
class _Container:
    """One container: its command and its process."""

    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    log_start: int = 0
    started: float = 0.0
    started_at: str = ""
    restarts: int = 0
    backoff: float = _FIRST_BACKOFF_SECONDS
    due: float = 0.0
    last_state: Object = field(default_factory=dict[str, Any])


class Pod:
    """A pod that this node runs.

    Args:
        manifest: the Pod object.
        folder: its own folder, for its tokens; removed with it.
        logs: folder of the containers' output.
        table: the images that can run.
    """

    def __init__(self, manifest: Object, folder: Path, logs: Path, table: Images) -> None:
        self.manifest = manifest
        self.problem = ""
        self._folder = folder
        self._logs = logs
        self._table = table
        self._containers: list[_Container] = []
        self._kill_at = 0.0
        self._tokens: PodTokens | None = None

    @property
    def uid(self) -> str:
        return self.manifest["metadata"]["uid"]

    @property
    def stopping(self) -> bool:
        return self._kill_at > 0

    @property
    def unknown_images(self) -> list[str]:
        used = [container["image"] for container in self.manifest["spec"]["containers"]]
        return [image for image in used if podspec.command_for(image, self._table) is None]

    def prepare(self, tokens: PodTokens, defaults: Mapping[str, str]) -> None:
        """Prepare the containers' commands and environments; a pod that cannot run here gets a `problem` instead.

        Args:
            tokens: its service account's tokens.
            defaults: variables for containers that do not set them or set them to an empty value.
        """
        refused = [podspec.image_refusal(image, self._table) for image in self.unknown_images]
        refused += podspec.refused_features(self.manifest)
        if refused:
            self.problem = "; ".join(refused)
            return
        self._tokens = tokens
        try:
            given = {**defaults, **tokens.issue(self._folder)}
            specs = self.manifest["spec"]["containers"]
            self._containers = [self._container(spec, given) for spec in specs]
            self.problem = ""
        except (podspec.SpecError, AwsCallError, KubernetesError) as error:
            self.problem = str(error)

    def run(self) -> bool:
        """Start the containers that are due and note those that ended; True when anything changed."""
        now = time.monotonic()
        changed = [self._settle(container, now) for container in self._containers]
        if self._tokens is not None and self._containers:
            self._tokens.renew(self._folder)
        return any(changed)

    def begin_stop(self) -> None:
        """Ask the containers to end; they are killed when the grace period is over."""
        if self._kill_at:
            return
        grace = self.manifest["spec"].get("terminationGracePeriodSeconds", 30)
        self._kill_at = time.monotonic() + min(grace, _LONGEST_GRACE_SECONDS)
        for container in self._containers:
            if container.process is not None and container.process.poll() is None:
                container.process.terminate()

    def stopped(self) -> bool:
        """Whether every container has ended after `begin_stop`."""
        living = [one.process for one in self._containers if one.process is not None and one.process.poll() is None]
        if living and time.monotonic() > self._kill_at:
            for one in living:
                one.kill()
        if not living:
            shutil.rmtree(self._folder, ignore_errors=True)
        return not living

    def log_of(self, container: str) -> tuple[Path, int] | None:
        """The file with a container's output, and the byte at which this container's output begins."""
        for one in self._containers:
            if container in {one.name, ""}:
                return one.log, one.log_start
        return None

    def status(self) -> Object:
        """The pod's status, as the kubelet would write it."""
        ready = bool(self._containers) and all(one.process is not None for one in self._containers)
        conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        containers = [self._container_status(spec) for spec in self.manifest["spec"]["containers"]]
        return {
            "phase": "Running" if self._containers else "Pending",
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "startTime": self.manifest["metadata"]["creationTimestamp"],
            "containerStatuses": containers,
            "conditions": [
                {"type": kind, "status": str(holds), "lastTransitionTime": _now()} for kind, holds in conditions.items()
            ],
        }

    def _container(self, spec: Object, given: Mapping[str, str]) -> _Container:
        own = podspec.environment(self.manifest, spec)
        variables = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        variables |= {**own, **{key: value for key, value in given.items() if not own.get(key)}}
        command = podspec.command_for(spec["image"], self._table) or ()
        return _Container(
            name=spec["name"],
            image=spec["image"],
            command=[*command, *podspec.arguments(spec, variables)],
            environment=variables,
            log=self._log_file(spec["name"]),
        )

    def _log_file(self, container: str) -> Path:
        """A log file named after the workload, not the pod, so that its name stays the same after a restart."""
        metadata = self.manifest["metadata"]
        labels = metadata.get("labels") or {}
        workload = metadata["name"].partition(f"-{labels.get('pod-template-hash', '?')}-")[0]
        only = len(self.manifest["spec"]["containers"]) == 1
        return self._logs / f"{metadata['namespace']}-{workload}{'' if only else '-' + container}.log"

    def _settle(self, container: _Container, now: float) -> bool:
        if container.process is None:
            return now >= container.due and self._start(container, now)
        code = container.process.poll()
        if code is None:
            return False
        if now - container.started > _STABLE_SECONDS:
            container.backoff = _FIRST_BACKOFF_SECONDS
        container.due = now + container.backoff
        container.backoff = min(container.backoff * 2, _LAST_BACKOFF_SECONDS)
        container.restarts += 1
        container.last_state = _terminated(code, container.started_at)
        container.process = None
        return True

    def _start(self, container: _Container, now: float) -> bool:
        container.log_start = container.log.stat().st_size if container.log.exists() else 0
        container.started, container.started_at = now, _now()
        try:
            container.process = process.spawn(container.command, log=container.log, env=container.environment)
        except OSError as error:
            container.due = now + _LAST_BACKOFF_SECONDS
            container.last_state = _terminated(127, container.started_at, str(error))
        return True

    def _container_status(self, spec: Object) -> Object:
        container = next((one for one in self._containers if one.name == spec["name"]), None)
        base: Object = {"name": spec["name"], "image": spec["image"], "imageID": "", "ready": False, "restartCount": 0}
        if container is None:
            reason = "ErrImagePull" if self.unknown_images else "CreateContainerConfigError"
            return {**base, "started": False, "state": {"waiting": {"reason": reason, "message": self.problem}}}
        running = container.process is not None
        message = f"back-off restarting; log: {container.log}"
        return {
            **base,
            "ready": running,
            "started": running,
            "restartCount": container.restarts,
            "containerID": f"process://{container.process.pid}" if container.process else "",
            "state": {"running": {"startedAt": container.started_at}}
            if running
            else {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
            "lastState": container.last_state,
        }


def _terminated(code: int, started_at: str, message: str = "") -> Object:
    exit_code = code if code >= 0 else 128 - code
    reason = "Completed" if code == 0 else "Error"
    state = {"exitCode": exit_code, "reason": reason, "startedAt": started_at, "finishedAt": _now()}
    return {"terminated": {**state, "message": message} if message else state}


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
