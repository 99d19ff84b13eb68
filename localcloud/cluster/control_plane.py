"""One cluster's control plane: etcd, kube-apiserver and Kubernetes' controllers, in one process.

Three processes would take three times the memory and the time to start: each would initialise all of Kubernetes' packages.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from localcloud import process
from localcloud.cluster import certs
from localcloud.go.binaries import Binaries
from localcloud.go.programs import KUBERNETES_VERSION
from localcloud.home import CHECKOUT
from localcloud.kube import KubeApi, KubernetesError

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
_START_DEADLINE_SECONDS: Final = 300.0  # a process that dies is noticed at once; this long only on busy machines
_CHILD_DEADLINE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_ATTEMPTS: Final = 3
_PORT_TAKEN: Final = "address already in use"
_NAMESPACES: Final = ("default", "kube-system")
_ETCD_SETTINGS: Final = "etcd.json"
# Etcd listens on Unix sockets inside the cluster's folder, which no other user can enter. Its data need not survive a
# power cut, and as the only member it need not wait for an election.
_ETCD: Final[Mapping[str, str | int | bool]] = {
    "name": "local",
    "data-dir": "etcd",
    "listen-client-urls": "unix://etcd-client:0",
    "advertise-client-urls": "unix://etcd-client:0",
    "listen-peer-urls": "unix://etcd-peer:0",
    "initial-advertise-peer-urls": "unix://etcd-peer:0",
    "initial-cluster": "local=unix://etcd-peer:0",
    "heartbeat-interval": 10,
    "election-timeout": 100,
    "unsafe-no-fsync": True,
    "snapshot-count": 5000,
    "auto-compaction-mode": "revision",
    "auto-compaction-retention": "1000",
    "log-level": "warn",
    # Only etcd's command line sets its default; read from a file alone, etcd would warn of every request.
    "warning-unary-request-duration": 300_000_000,  # nanoseconds
}


class ClusterError(Exception):
    """A cluster cannot be made or changed. The message says why and what to do."""


class StartError(ClusterError):
    """A control plane or a node does not become ready."""


class ControlPlane:
    """The process of one cluster, with everything that it writes in one folder.

    Args:
        name: the cluster's name.
        folder: its own folder; wiped by `start`.
        logs: folder of its log.
        binaries: the programs of the control plane.
        token_review_url: webhook that authenticates bearer tokens which are not the cluster's own.
    """

    def __init__(self, name: str, folder: Path, logs: Path, binaries: Binaries, token_review_url: str) -> None:
        self.name = name
        self.folder = folder
        self.kubeconfig = folder / "admin.kubeconfig"
        self.endpoint = ""
        self._log = logs / f"{name}-control-plane.log"
        self._binaries = binaries
        self._token_review_url = token_review_url
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._starting = threading.Lock()

    @property
    def authority(self) -> bytes:
        """The certificate authority of the API server, PEM."""
        return (self.folder / "ca.crt").read_bytes()

    @property
    def pid(self) -> int | None:
        """The pid of the process; None if it was not started, or was stopped."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start from nothing; returns when the cluster is ready.

        Raises:
            StartError: the process ended, the deadline passed or `stop` was called; nothing is left running.
        """
        with self._starting:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._start_once()
                except BaseException as error:
                    port_taken = isinstance(error, StartError) and self._lost_its_port()
                    self._end()
                    if not port_taken or attempt == _ATTEMPTS or self._ended.is_set():
                        raise
                else:
                    return

    def stop(self) -> None:
        """End the process for good; a `start` that is under way in another thread fails."""
        self._ended.set()
        with self._starting:
            self._end()

    def _end(self) -> None:
        running, self._process = self._process, None
        if running:
            # It has nothing to save: its data goes with the cluster.
            process.stop(running, grace_seconds=0.0)

    def wipe(self) -> None:
        """Stop, and delete everything that the cluster stored."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_once(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        keys = certs.make_cluster_keys(self.folder, self.name)
        port = free_port()
        self.endpoint = f"https://127.0.0.1:{port}"
        for path, client in (
            (self.kubeconfig, keys.admin),
            (self.folder / certs.CAPABILITY_KUBECONFIG, keys.capability),
        ):
            certs.write_private(path, certs.client_kubeconfig(self.name, self.endpoint, keys, client))
        webhook = certs.kubeconfig("webhook", self._token_review_url, {})
        certs.write_private(self.folder / "token-webhook.kubeconfig", webhook)
        certs.write_private(self.folder / _ETCD_SETTINGS, json.dumps(_ETCD).encode())
        self._log.unlink(missing_ok=True)
        command = [self._binaries.control_plane, *_arguments(port, self.kubeconfig.name)]
        # Relative paths, from the cluster's folder: the path of a Unix socket must be short.
        self._process = process.spawn(command, log=self._log, env=_environment(), cwd=self.folder)
        self._wait(KubeApi.from_kubeconfig(self.kubeconfig))

    def _wait(self, api: KubeApi) -> None:
        deadline = time.monotonic() + _START_DEADLINE_SECONDS
        while reason := _unready(api):
            if self._ended.is_set():
                raise StartError(f"Cluster {self.name} was stopped while it started")
            if self._process and (code := self._process.poll()) is not None:
                raise StartError(f"Cluster {self.name} did not start. {_how_it_ended(code, self._log)}")
            if time.monotonic() > deadline:
                raise StartError(
                    f"Cluster {self.name} is not ready after {_START_DEADLINE_SECONDS:.0f} s: {reason}; "
                    f"the log is {self._log}"
                )
            time.sleep(_POLL_SECONDS)

    def _lost_its_port(self) -> bool:
        return _PORT_TAKEN in _tail(self._log)


def await_start(child: subprocess.Popen[bytes], ready: Callable[[], bool], what: str, log: Path) -> None:
    """Wait until a child process is ready.

    Args:
        child: the process.
        ready: tells whether it is ready.
        what: a word for it, for the message.
        log: its log, for the message.

    Raises:
        StartError: it ended first, or is not ready in time.
    """
    deadline = time.monotonic() + _CHILD_DEADLINE_SECONDS
    while not ready():
        if child.poll() is not None:
            raise StartError(f"The {what} ended with code {child.returncode} before it was ready; log: {log}")
        if time.monotonic() > deadline:
            raise StartError(f"The {what} is not ready after {_CHILD_DEADLINE_SECONDS:.0f} s; log: {log}")
        time.sleep(0.05)


def python_environment() -> dict[str, str]:
    """The environment of a program of this checkout, wherever it is started."""
    path = os.pathsep.join(part for part in (str(CHECKOUT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port of the loopback interface that is free now; another process may take it, so the caller tries again."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _arguments(port: int, kubeconfig: str) -> list[str]:
    """The API server's flags, and those that name the settings of the other parts."""
    return [
        f"--etcd-config={_ETCD_SETTINGS}",
        f"--controllers-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--etcd-servers=unix://etcd-client:0",
        "--etcd-compaction-interval=0",  # etcd compacts by itself
        "--watch-cache=false",  # without it, ten timers fire each second for each of 60 kinds in an idle server
        "--tls-cert-file=apiserver.crt",
        "--tls-private-key-file=apiserver.key",
        "--client-ca-file=ca.crt",
        "--authorization-mode=RBAC",
        "--authentication-token-webhook-config-file=token-webhook.kubeconfig",
        "--authentication-token-webhook-version=v1",
        "--authentication-token-webhook-cache-ttl=2s",
        f"--service-account-issuer={ISSUER}",
        "--service-account-key-file=service-account.key",
        "--service-account-signing-key-file=service-account.key",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-certificate-authority=ca.crt",
        "--kubelet-client-certificate=kubelet-client.crt",
        "--kubelet-client-key=kubelet-client.key",
        "--profiling=false",
        "--shutdown-delay-duration=0s",
    ]


def _unready(api: KubeApi) -> str:
    """Why the API server or the controllers are not ready; empty when they are."""
    if reason := api.unready():
        return reason
    try:
        # A controller makes the service account, so its existence shows that the controllers work.
        lacking = [n for n in _NAMESPACES if not api.find(f"/api/v1/namespaces/{n}/serviceaccounts/default")]
    except KubernetesError as error:
        return str(error)
    return f"no controller has made the service accounts of {', '.join(lacking)}" if lacking else ""


def require_version(version: str) -> None:
    """Refuse a Kubernetes version that is not that of the programs.

    Raises:
        ClusterError: the versions differ; the message names both.
    """
    if version and not f"{KUBERNETES_VERSION}.".startswith(f"{version.removeprefix('v')}."):
        raise ClusterError(
            f"Kubernetes {version} was asked for, and the local cloud runs v{KUBERNETES_VERSION}: "
            f"ask for version {'.'.join(KUBERNETES_VERSION.split('.')[:2])}"
        )


def _environment() -> dict[str, str]:
    """A small environment, without the user's proxies and AWS settings."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {**kept, "DIE_WITH_PARENT": "1"}


def _how_it_ended(code: int, log: Path) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    last = _tail(log).strip().splitlines()
    return f"Its control plane {how}; log: {log}" + (f"; last line: {last[-1][:300]}" if last else "")


def _tail(log: Path, size: int = 8192) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
