"""Which Pulumi engine acts on a stack: the official CLI where there is one, else the embedded one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from localcloud.commands import terminal
from localcloud.console import CommandError
from localcloud.home import CHECKOUT
from localcloud.setup import tools


@dataclass(frozen=True)
class Engine:
    """An engine and the environment it runs in.

    Attributes:
        kind: `official` or `embedded`.
        command: the program with its first arguments.
        environment: the whole environment of its processes.
    """

    kind: Literal["official", "embedded"]
    command: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> int:
        """Run a verb on the person's terminal; returns its exit code."""
        return terminal.run([*self.command, *arguments], self.environment)

    def module(self, name: str, *arguments: str) -> int:
        """Run a Python module of the checkout on the person's terminal, where the engine acts; returns its exit code."""
        return terminal.run([sys.executable, "-m", name, *arguments], self.environment)

    def client(self, service: str) -> Any:
        """A boto3 client that acts where the engine acts, as who it acts."""
        import boto3  # noqa: PLC0415  for one command only, and slow to load

        names = {
            "endpoint_url": "AWS_ENDPOINT_URL",
            "region_name": "AWS_REGION",
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
        }
        return boto3.client(service, **{name: self.environment[variable] for name, variable in names.items()})  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] boto3 has no types

    def ask(self, *arguments: str) -> str:
        """Run a verb and return what it prints.

        Raises:
            CommandError: it failed; the message is its own.
        """
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=CHECKOUT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(done.stderr.strip() or f"`pulumi {' '.join(arguments)}` ended with {done.returncode}")
        return done.stdout


def official_cli(path: str) -> str | None:
    """The official CLI on PATH; the command of the embedded engine, of whichever checkout, is none."""
    folders = filter(None, path.split(os.pathsep))
    found = (program for folder in folders if (program := shutil.which("pulumi", path=folder)))
    return next((program for program in found if not tools.is_embedded_engine(Path(program))), None)


def choose(environment: Mapping[str, str]) -> Engine:
    """The engine of the local stack; ENGINE=official or ENGINE=embedded decides otherwise.

    Raises:
        CommandError: ENGINE names none, or asks for an official CLI that is not there.
    """
    wish, official = environment.get("ENGINE", ""), official_cli(environment.get("PATH", ""))
    if wish not in {"", "official", "embedded"}:
        raise CommandError(f"ENGINE={wish} is no engine: it may be official or embedded")
    if wish == "official" and not official:
        raise CommandError("ENGINE=official asks for the Pulumi CLI, which is not on PATH: install it, or drop ENGINE")
    if official and wish != "embedded":
        return Engine("official", (official, "--non-interactive"), environment)
    return Engine("embedded", (sys.executable, "-m", "localcloud.engine"), environment)


def official(environment: Mapping[str, str]) -> Engine:
    """The official CLI, for a real account.

    Raises:
        CommandError: it is not on PATH.
    """
    program = official_cli(environment.get("PATH", ""))
    if program is None:
        raise CommandError(
            "STACK=dev needs the official Pulumi CLI, which is not on PATH: see https://www.pulumi.com/docs/install/"
        )
    return Engine("official", (program,), environment)
