"""A Helm release whose operation was interrupted. Helm itself does not continue from the three states that this leaves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STUCK = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")


@dataclass(frozen=True)
class Revision:
    """One revision of a release, from the secret in which Helm stores it.

    Attributes:
        namespace: the release's.
        name: the release's.
        number: counts from 1.
        status: Helm's, such as `deployed` or `pending-upgrade`.
    """

    namespace: str
    name: str
    number: int
    status: str

    @property
    def secret(self) -> str:
        """The name of the secret."""
        return f"sh.helm.release.v1.{self.name}.v{self.number}"

    @property
    def upgrades(self) -> bool:
        """Whether there is an older revision."""
        return self.status in {"pending-upgrade", "pending-rollback"}


@dataclass(frozen=True)
class Kubectl:
    """kubectl on one cluster.

    Attributes:
        program: its path.
        kubeconfig: the file with the cluster's address and credentials.
        environment: the whole environment; the kubeconfig may call the aws CLI.
    """

    program: str
    kubeconfig: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """Run a command and return its output.

        Raises:
            subprocess.CalledProcessError: it failed.
            subprocess.TimeoutExpired: the cluster does not answer.
        """
        command = [self.program, f"--kubeconfig={self.kubeconfig}", "--request-timeout=20s", *arguments]
        done = subprocess.run(
            command, env=dict(self.environment), capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout


def stuck(kubectl: Kubectl, namespace: str, name: str) -> Revision | None:
    """The newest revision of a release if its operation was interrupted; None if it was not, or if there is no release."""
    listed = kubectl.run(
        *("get", "secrets", "--namespace", namespace, "--selector", f"owner=helm,name={name}", "--output=json")
    )
    revisions = [
        Revision(namespace, name, int(labels["version"]), labels["status"])
        for labels in (item["metadata"]["labels"] for item in json.loads(listed)["items"])
    ]
    newest = max(revisions, key=lambda revision: revision.number, default=None)
    return newest if newest and newest.status in STUCK else None


def forget(kubectl: Kubectl, revision: Revision) -> None:
    """Remove a revision; the one before is then the newest, and the next `up` upgrades from it."""
    kubectl.run("delete", "secret", "--namespace", revision.namespace, revision.secret)
