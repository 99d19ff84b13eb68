"""Reads kubeconfigs: where a cluster is and how to say who we are, by certificate, token or command."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localcloud.home import home
from localcloud.pulumi.kubernetes.errors import KubernetesError, UnreachableError

_EXEC_SECONDS = 60
_MARGIN_SECONDS = 60.0  # a token is not used in the last minute of its life
_UNTIMED_SECONDS = 600.0
# Part of who a command says that we are, beside its arguments.
_IDENTITY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION")


class KubeconfigError(UnreachableError):
    """A kubeconfig that cannot be used."""


@dataclass
class Connection:
    """The active context of a kubeconfig."""

    server: str
    namespace: str
    authority: str | None = None
    verify: bool = True
    server_name: str | None = None
    certificate: str | None = None
    key: str | None = None
    token: str | None = None
    command: Mapping[str, Any] | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


def parse(value: Any, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """A kubeconfig from its text, an object, a file's name, or the default file.

    Raises:
        KubeconfigError: there is none, or it is not one.
    """
    if isinstance(value, Mapping):
        return dict(value)
    text = str(value or "")
    if not text:
        text = environment.get("KUBECONFIG", "") or str(Path.home() / ".kube" / "config")
    if not text.lstrip().startswith(("{", "apiVersion", "clusters", "kind", "#", "---")) and "\n" not in text:
        text = _file_text(text.split(os.pathsep)[0])
    return _parsed(text)


def _file_text(name: str) -> str:
    try:
        return Path(name).expanduser().read_text()
    except OSError as e:
        raise KubeconfigError(f"failed to read the kubeconfig {name}: {e.strerror}") from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        config: Any = json.loads(text) if text.lstrip().startswith("{") else _from_yaml(text)
    except ValueError as e:
        raise KubeconfigError(f"failed to parse the kubeconfig: {e}") from None
    if not isinstance(config, dict) or "clusters" not in config:
        raise KubeconfigError("failed to parse the kubeconfig: it has no `clusters`")
    return config


def _from_yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415  kubeconfigs made by programs are JSON

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise ValueError(str(e)) from None


def active(config: Mapping[str, Any], context: str | None = None, cluster: str | None = None) -> Connection:
    """The connection of a kubeconfig's current context, or of another.

    Raises:
        KubeconfigError: there is no such context, cluster or user.
    """
    name = context or config.get("current-context") or ""
    chosen = _named(config, "contexts", name, "context")
    where = _named(config, "clusters", cluster or chosen.get("cluster", ""), "cluster")
    user = _named(config, "users", chosen.get("user", ""), "user") if chosen.get("user") else {}
    if not where.get("server"):
        raise KubeconfigError(f"the cluster {chosen.get('cluster')!r} of the kubeconfig has no server")
    return Connection(
        server=where["server"].rstrip("/"),
        namespace=chosen.get("namespace") or "default",
        authority=_data(where, "certificate-authority"),
        verify=not where.get("insecure-skip-tls-verify"),
        server_name=where.get("tls-server-name"),
        certificate=_data(user, "client-certificate"),
        key=_data(user, "client-key"),
        token=user.get("token") or (Path(user["tokenFile"]).read_text().strip() if user.get("tokenFile") else None),
        command=user.get("exec"),
    )


def active_cluster(config: Mapping[str, Any], context: str | None, cluster: str | None) -> Any:
    """The part of a kubeconfig that says which cluster is meant; None when it cannot be told."""
    try:
        chosen = _named(config, "contexts", context or config.get("current-context") or "", "context")
        return _named(config, "clusters", cluster or chosen.get("cluster", ""), "cluster")
    except KubeconfigError:
        return None


def _named(config: Mapping[str, Any], section: str, name: str, member: str) -> dict[str, Any]:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            return entry.get(member) or {}
    raise KubeconfigError(f"the kubeconfig has no {member} named {name!r}")


def _data(section: Mapping[str, Any], name: str) -> str | None:
    if text := section.get(f"{name}-data"):
        return base64.b64decode(text).decode()
    if path := section.get(name):
        return _file_text(path)
    return None


def require_local(connection: Connection) -> None:
    """Check that the cluster is on this machine.

    Raises:
        KubernetesError: it is elsewhere.
    """
    host = urlsplit(connection.server).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise KubernetesError(
            f"the kubeconfig is for {connection.server}: this is the local cloud's kubernetes plugin, "
            "which talks to clusters on 127.0.0.1 only"
        )


class Credentials:
    """Gives the bearer token of a connection; what a command said is kept until it expires.

    Tokens are kept in a file, too: `aws eks get-token` takes a second of processor time, and each deployment starts
    several plugins.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._token = ""
        self._expires = 0.0

    def token(self) -> str | None:
        """A token that is good for now, or None for a connection that has none.

        Raises:
            KubeconfigError: the command fails.
        """
        if self._connection.command is None:
            return self._connection.token
        with self._lock:
            if time.time() > self._expires - _MARGIN_SECONDS:
                self._token, self._expires = self._kept() or self._fresh(self._connection.command)
            return self._token

    def forget(self) -> bool:
        """Drop a token that was refused; whether there is a way to a new one."""
        with self._lock:
            self._expires = 0.0
            self._file().unlink(missing_ok=True)
        return self._connection.command is not None

    def _file(self) -> Path:
        command = self._connection.command or {}
        variables = {name: self._connection.environment.get(name, "") for name in _IDENTITY_VARIABLES}
        identity = json.dumps([self._connection.server, self._connection.authority, dict(command), variables])
        return home() / "run" / "tokens" / hashlib.sha256(identity.encode()).hexdigest()[:32]

    def _kept(self) -> tuple[str, float] | None:
        try:
            token, expires = json.loads(self._file().read_text())
        except (OSError, ValueError):
            return None
        return (token, expires) if time.time() < expires - _MARGIN_SECONDS else None

    def _fresh(self, command: Mapping[str, Any]) -> tuple[str, float]:
        status = _run(command, self._connection.environment)
        text = status.get("expirationTimestamp")
        expires = datetime.fromisoformat(text).timestamp() if text else time.time() + _UNTIMED_SECONDS
        _write_private(self._file(), json.dumps([status["token"], expires]))
        return status["token"], expires


def _run(command: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    arguments = [command["command"], *(command.get("args") or [])]
    extra = {entry["name"]: entry["value"] for entry in command.get("env") or []}
    version = command.get("apiVersion", "client.authentication.k8s.io/v1beta1")
    info = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}})
    try:
        done = subprocess.run(
            arguments,
            env={**environment, **extra, "KUBERNETES_EXEC_INFO": info},
            capture_output=True,
            text=True,
            timeout=_EXEC_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise KubeconfigError(f"getting credentials: exec: {arguments[0]}: {e}") from None
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise KubeconfigError(f"getting credentials: exec: {arguments[0]} failed with {done.returncode}: {last[0]}")
    try:
        return {"token": "", **json.loads(done.stdout)["status"]}
    except (ValueError, KeyError, TypeError):
        raise KubeconfigError(f"getting credentials: exec: {arguments[0]} printed no ExecCredential") from None


def _write_private(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:  # noqa: PTH123  mode at creation
            stream.write(text)
        part.rename(path)
    except OSError:
        return  # kept in memory all the same
