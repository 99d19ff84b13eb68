"""The Pulumi CLI, in the environment of one stack."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.commands import terminal
from localcloud.console import CommandError
from localcloud.home import CHECKOUT, own
from localcloud.setup import programs


@dataclass(frozen=True)
class PulumiCli:
    """A Pulumi CLI and the environment that it runs in.

    Attributes:
        program: the path of the CLI.
        environment: the whole environment of its processes.
    """

    program: str
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> int:
        """Run a command on the person's terminal; returns its exit code."""
        with self._temporary_folder() as environment:
            return terminal.run([self.program, *terminal.flags(environment), *arguments], environment)

    def up(self, event_log: Path, *arguments: str) -> int:
        """Deploy on the person's terminal; returns the exit code.

        Args:
            event_log: the file that the CLI writes its events to. Only the variable that the Automation API also sets makes
                the CLI accept it.
            arguments: further flags of `pulumi up`.
        """
        command = [self.program, *terminal.flags(self.environment), "up", *arguments, "--event-log", str(event_log)]
        with self._temporary_folder() as environment:
            return terminal.run(command, {**environment, "PULUMI_DEBUG_COMMANDS": "true"})

    def module(self, name: str, *arguments: str) -> int:
        """Run a Python module of the checkout on the person's terminal, in the stack's environment."""
        return terminal.run([sys.executable, "-m", name, *arguments], self.environment)

    def client(self, service: str) -> Any:
        """A boto3 client with the endpoint, region and credentials of the stack's environment."""
        import boto3  # noqa: PLC0415  only a few commands need it, and it is slow to load

        names = {
            "endpoint_url": "AWS_ENDPOINT_URL",
            "region_name": "AWS_REGION",
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
        }
        return boto3.client(service, **{name: self.environment[variable] for name, variable in names.items()})  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] boto3 has no types

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """Run a command without a terminal and return what it prints.

        Args:
            arguments: the command with its flags; `--non-interactive` is added.
            given: its standard input.

        Raises:
            CommandError: it failed; the message is its own.
        """
        with self._temporary_folder() as environment:
            done = subprocess.run(
                [self.program, "--non-interactive", *arguments],
                cwd=CHECKOUT,
                env=environment,
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).removeprefix("error: ")
            raise CommandError(said or f"`pulumi {' '.join(arguments)}` ended with exit code {done.returncode}")
        return done.stdout

    @contextmanager
    def _temporary_folder(self) -> Generator[dict[str, str]]:
        """The environment with a temporary folder in the generated one: the Kubernetes provider leaves kubeconfigs there."""
        run = own() / "run"
        run.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pulumi-", dir=run, ignore_cleanup_errors=True) as folder:
            yield {**self.environment, "TMPDIR": folder}


def choose(home: Path, environment: Mapping[str, str]) -> PulumiCli:
    """The CLI to use for a stack: the compiled one if set-up made it, else the installed one.

    Args:
        home: the generated folder.
        environment: the stack's environment.

    Raises:
        CommandError: there is neither.
    """
    compiled = home / programs.OWN_FOLDER / "pulumi"
    if compiled.exists():
        return PulumiCli(str(compiled), environment)
    if installed := programs.first_on_path(environment.get("PATH", os.defpath)):
        return PulumiCli(str(installed), environment)
    raise CommandError("there is no Pulumi CLI: `make setup` compiles one; or see https://www.pulumi.com/docs/install/")
