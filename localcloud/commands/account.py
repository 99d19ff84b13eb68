"""A stack in a real AWS account: the Pulumi CLI, in an environment without anything local."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path

from localcloud.commands import environment, pulumi_cli, terminal
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.stack import has_passphrase, region
from localcloud.console import CommandError
from localcloud.home import CHECKOUT

PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


def pulumi(home: Path, stack: str) -> PulumiCli:
    """The CLI for a stack in an account; a passphrase that its secrets need is asked for."""
    variables = environment_of(home, stack)
    cli = pulumi_cli.choose(home, variables)
    return PulumiCli(cli.program, variables | _passphrase(stack, variables))


def environment_of(home: Path, stack: str) -> dict[str, str]:
    """The environment of a stack in an account, with the stack's own region."""
    environment.write_tools(home, CHECKOUT)
    place = region(stack)  # the person's own default region may be another one, in which the stack does not exist
    placed = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), place) if place else {}
    return environment.real(home, stack) | placed | terminal.settings()


def _passphrase(stack: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Ask for the passphrase once: Pulumi itself does not ask when a program reads its output."""
    if not has_passphrase(stack) or variables.keys() & set(PASSPHRASES):
        return {}
    if terminal.is_wanted() or not sys.stdin.isatty():
        raise CommandError(f"a passphrase encrypts the secrets of stack {stack}: export {' or '.join(PASSPHRASES)}")
    return {PASSPHRASES[0]: getpass(f"Passphrase of stack {stack}: ")}
