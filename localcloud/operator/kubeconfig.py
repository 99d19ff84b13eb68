"""Where the API server is and who asks: the current context of a kubeconfig file."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcloud.operator.errors import SettingsError


@dataclass(frozen=True)
class Connection:
    """An API server and the identity to use with it.

    Attributes:
        server: its URL.
        context: TLS: the cluster's authority, and the client's certificate if it has one.
        token: a bearer token that stays as it is.
        token_file: a file with a token that is renewed from time to time.
    """

    server: str
    context: ssl.SSLContext
    token: str | None = None
    token_file: Path | None = None

    def bearer(self) -> str | None:
        """The token of this moment."""
        return self.token_file.read_text(encoding="utf-8").strip() if self.token_file else self.token


def load(path: Path) -> Connection:
    """Read the current context of a kubeconfig.

    Raises:
        SettingsError: the file is missing or no usable kubeconfig.
    """
    try:
        return _connection(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)
    except (OSError, yaml.YAMLError, ssl.SSLError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"kubeconfig {path}: {type(error).__name__}: {error}") from error


def default_path(environment: Mapping[str, str] = os.environ) -> Path:
    """KUBECONFIG, else where kubectl keeps its own."""
    configured = environment.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(configured) if configured else Path.home() / ".kube" / "config"


def _connection(document: Mapping[str, Any], folder: Path) -> Connection:
    context = _named(document, "context", document["current-context"])
    cluster = _named(document, "cluster", context["cluster"])
    user = _named(document, "user", context["user"])
    if not {"token", "tokenFile", "client-certificate-data", "client-certificate"} & set(user):
        raise ValueError(f"user {context['user']!r} has neither a token nor a client certificate")
    return Connection(
        server=str(cluster["server"]).rstrip("/"),
        context=_tls(cluster, user, folder),
        token=user.get("token"),
        token_file=folder / user["tokenFile"] if "tokenFile" in user else None,
    )


def _named(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    for entry in document[f"{kind}s"]:
        if entry["name"] == name:
            return entry[kind] or {}
    raise ValueError(f"no {kind} {name!r}")


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _pem(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _pem(user, "client-certificate", folder), _pem(user, "client-key", folder)
    if certificate and key:
        with tempfile.NamedTemporaryFile("w") as pem:  # mode 0600; ssl reads certificates from files only
            pem.write(f"{certificate}\n{key}")
            pem.flush()
            context.load_cert_chain(pem.name)
    return context


def _pem(section: Mapping[str, Any], name: str, folder: Path) -> str | None:
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    return (folder / section[name]).read_text(encoding="utf-8") if section.get(name) else None
