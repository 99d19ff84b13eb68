"""The stack that a command acts on, and the files that Pulumi keeps for it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import Any

import yaml

from localcloud.commands import environment, pulumi_cli, terminal
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError
from localcloud.home import CHECKOUT
from lookups import CONTENT_ANNOTATION, ENDS

LOCAL = "local"
PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@dataclass(frozen=True)
class Stack:
    """A stack to act on.

    Attributes:
        name: its name.
        home: the generated folder.
        pulumi: the CLI, in the stack's environment.
    """

    name: str
    home: Path
    pulumi: PulumiCli

    @property
    def is_local(self) -> bool:
        """Whether it is the stack of the local cloud."""
        return self.name == LOCAL

    @property
    def unasked(self) -> tuple[str, ...]:
        """The flags with which the CLI does not ask before it changes the stack; only the local one is not asked about."""
        return ("--yes", "--skip-preview") if self.is_local else ()

    def file(self, name: str, ending: str = "") -> Path:
        """A file about the stack in the generated folder."""
        return self.home / f"{name}{'' if self.is_local else f'-{self.name}'}{ending}"

    def resources(self) -> list[dict[str, Any]]:
        """The resources in its state; those of the local stack are read from the state file, because the CLI takes longer."""
        if self.is_local:
            return resources(self.home)
        deployment = json.loads(self.pulumi.ask("stack", "export", "--stack", self.name))["deployment"] or {}
        return deployment.get("resources") or []

    def outputs(self) -> dict[str, Any]:
        """Its outputs, with secrets masked."""
        return json.loads(self.pulumi.ask("stack", "output", "--json", "--stack", self.name))

    def kubeconfig(self) -> str | None:
        """Its kubeconfig, with its secrets: for a file of mode 0600, never for printing. None if it has no cluster."""
        shown = self.pulumi.ask("stack", "output", "--json", "--show-secrets", "--stack", self.name)
        found = json.loads(shown).get("kubeconfig")
        return found if isinstance(found, str | None) else json.dumps(found)  # JSON is valid YAML

    def module(self, name: str, *arguments: str) -> int:
        """Run one of the workshop's tools on it, on the person's terminal."""
        return self.pulumi.module(name, "--stack", self.name, *arguments)


def in_account(name: str, home: Path) -> Stack:
    """A stack in a real account; a passphrase that its secrets need is asked for."""
    variables = environment_in_account(name, home)
    cli = pulumi_cli.choose(home, variables)
    return Stack(name, home, PulumiCli(cli.program, variables | _passphrase(name, variables)))


def environment_in_account(name: str, home: Path) -> dict[str, str]:
    """The environment of a stack in an account, with the stack's own region and without anything local."""
    environment.write_tools(home, CHECKOUT)
    # The person's own default region may be another one, in which the stack does not exist.
    place: str | None = (_file(name).get("config") or {}).get("aws:region")
    placed = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), place) if place else {}
    return environment.real(home, name) | placed | terminal.settings()


def _passphrase(name: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Ask for the passphrase once: Pulumi itself does not ask when a program reads its output."""
    if "encryptionsalt" not in _file(name) or variables.keys() & set(PASSPHRASES):
        return {}  # Pulumi Cloud or a cloud's key encrypts the stack's secrets, or the passphrase is known
    if terminal.is_wanted() or not sys.stdin.isatty():
        raise CommandError(f"a passphrase encrypts the secrets of stack {name}: export {' or '.join(PASSPHRASES)}")
    return {PASSPHRASES[0]: getpass(f"Passphrase of stack {name}: ")}


def project() -> str:
    """The project's name, from Pulumi.yaml."""
    return str(yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["name"])


def check_known(stack: str) -> None:
    """Refuse a stack that has no settings file.

    Raises:
        CommandError: it lists the stacks that exist.
    """
    known = sorted(path.name.split(".")[1] for path in CHECKOUT.glob("Pulumi.*.yaml"))
    if stack not in known:
        raise CommandError(
            f"STACK={stack} is unknown: Pulumi.{stack}.yaml does not exist; there are {', '.join(known)}"
        )


def _file(stack: str) -> dict[str, Any]:
    return yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text()) or {}


def checkpoint(home: Path) -> Path:
    """The local stack's state file, in the layout of Pulumi's file backend."""
    return home / "pulumi" / ".pulumi" / "stacks" / project() / f"{LOCAL}.json"


def check_state(home: Path) -> None:
    """Refuse a state file of the local stack that is damaged, for instance by a full disk or a crash of the machine.

    Raises:
        CommandError: it names Pulumi's copy of the previous state.
    """
    state = checkpoint(home)
    try:
        json.loads(state.read_text())
    except FileNotFoundError:
        return
    except ValueError as error:
        copy = state.with_name(f"{state.name}.bak")
        remedy = f"`cp '{copy}' '{state}'` restores the previous state, or " if copy.exists() else ""
        raise CommandError(
            f"the state file {state} is damaged ({error}): {remedy}`make reset` deletes the local cloud and its stack"
        ) from error


def lock_folder(home: Path) -> Path:
    """Where Pulumi's file backend keeps the locks of the local stack."""
    return home / "pulumi" / ".pulumi" / "locks" / "organization" / project() / LOCAL


def has_pending_operations(home: Path) -> bool:
    """Whether the local stack's state file says that a run was interrupted in the middle of an operation."""
    return bool(_latest(home).get("pending_operations"))


def resources(home: Path) -> list[dict[str, Any]]:
    """The local stack's resources in its state file; empty if there is no file."""
    return list(_latest(home).get("resources") or [])


def _latest(home: Path) -> dict[str, Any]:
    try:
        content = json.loads(checkpoint(home).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}  # Pulumi itself reports a damaged file
    return content.get("checkpoint", {}).get("latest") or {}


def forget(home: Path) -> None:
    """Delete the local stack's state and locks; its history stays."""
    state = checkpoint(home)
    for path in state.parent.glob(f"{LOCAL}.*"):
        path.unlink()
    shutil.rmtree(lock_folder(home), ignore_errors=True)


def reruns(stack: str) -> dict[str, str]:
    """The requests to run a job again in a stack's settings, by the job's name."""
    entries = (_file(stack).get("config") or {}).get(f"{project()}:rerun") or {}
    return {str(job): str(value) for job, value in entries.items()} if isinstance(entries, dict) else {}


def count(resources: Iterable[dict[str, Any]]) -> int:
    """The number of resources as Pulumi counts them: providers that no program declares are left out."""
    return sum(not re.search(r"pulumi:providers:\w+::default", found["urn"]) for found in resources)


def names_cluster(kubeconfig: Path, resources: Iterable[dict[str, Any]]) -> bool:
    """Whether a kubeconfig has the address and the authority of the cluster that is in a state."""
    clusters = (found.get("outputs") or {} for found in resources if found["type"] == "aws:eks/cluster:Cluster")
    cluster = next(clusters, {})
    known = (cluster.get("endpoint"), (cluster.get("certificateAuthority") or {}).get("data"))
    text = kubeconfig.read_text() if kubeconfig.exists() else ""
    return all(value and value in text for value in known)


def declared_jobs(resources: Iterable[dict[str, Any]]) -> list[str]:
    """Names of the TransformJobs in a state."""
    return [_name(job) for job in _jobs(resources)]


def job_contents(resources: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The TransformJobs in a state by name, each with the hash of its content; an empty hash if the state has none."""
    return {_name(job): _annotations(job).get(CONTENT_ANNOTATION, "") for job in _jobs(resources)}


def _annotations(job: dict[str, Any]) -> dict[str, str]:
    return ((job.get("inputs") or {}).get("metadata") or {}).get("annotations") or {}


def open_jobs(resources: Iterable[dict[str, Any]]) -> list[str]:
    """Names of the TransformJobs whose end is not in the state, which has a job as it was after the last wait."""
    return [_name(job) for job in _jobs(resources) if _status(job) not in ENDS]


def _jobs(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for found in resources if found["type"].endswith(":TransformJob") and found.get("custom")]


def _name(job: dict[str, Any]) -> str:
    return job["urn"].rpartition("::")[2]


def _status(job: dict[str, Any]) -> str:
    return ((job.get("outputs") or {}).get("status") or {}).get("transformJobStatus", "")


def create(pulumi: PulumiCli, home: Path) -> None:
    """Create the local stack if needed, in a folder that only its owner may read; PULUMI_STACK selects it.

    Raises:
        CommandError: its state file is damaged.
    """
    check_state(home)
    (home / "pulumi").mkdir(parents=True, exist_ok=True)
    (home / "pulumi").chmod(0o700)  # Pulumi writes files that anyone may read
    if not checkpoint(home).exists():
        pulumi.ask("stack", "select", "--create", LOCAL)
