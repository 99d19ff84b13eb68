"""The commands on a stack in a real AWS account: the Pulumi CLI, in an environment without anything local."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from getpass import getpass
from pathlib import Path
from typing import Any

from localcloud.commands import environment, jobs, local, pulumi_cli, recovery, terminal
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.stack import has_passphrase, open_jobs, outputs, region
from localcloud.console import CommandError, say
from localcloud.home import CHECKOUT

PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


def up(home: Path, stack: str) -> int:
    """Check the account, then deploy and run the jobs; it asks before it changes anything."""
    pulumi = _pulumi(home, stack)
    if pulumi.module("workshop.preflight", "--stack", stack):
        return terminal.PREFLIGHT_FAILED
    with recovery.attempt(home, stack) as cut_off:
        recovery.unlock(pulumi, home, stack, cut_off=cut_off)
        if code := recovery.settle(pulumi, home, stack, cut_off=cut_off):
            return code
        look = ("--refresh",) if open_jobs(_resources(pulumi, stack)) else ()
        flags = ("--stack", stack, "--suppress-outputs", "--parallel", local.PARALLEL, *local.POLICY, *look)
        code = pulumi.up(recovery.event_log(home, stack), *flags)
    if not code:
        jobs.forget_spent(pulumi, stack, lambda: _resources(pulumi, stack))
    found = outputs(pulumi, stack)
    shown = local.show_results(home, pulumi, stack, found)
    return terminal.of_up(code, found) or shown


def preview(home: Path, stack: str) -> int:
    """Print what `up` would do."""
    return _pulumi(home, stack).run("preview", "--stack", stack, *local.POLICY)


def destroy(home: Path, stack: str) -> int:
    """Remove everything that the stack created; it asks first, and finally lists everything that has the stack's tags."""
    pulumi = _pulumi(home, stack)
    with recovery.attempt(home, stack) as cut_off:
        recovery.unlock(pulumi, home, stack, cut_off=cut_off)
        recovery.let_objects_go(pulumi, stack, _resources(pulumi, stack))
        if code := recovery.settle(pulumi, home, stack, cut_off=cut_off):
            return code
        code = jobs.end_schedules(pulumi, stack, _resources(pulumi, stack))
        code = code or pulumi.run("destroy", "--stack", stack)
    return code or pulumi.module("workshop.leftovers", "--stack", stack)


def retry(home: Path, stack: str, job: str) -> int:
    """Run a job again."""
    pulumi = _pulumi(home, stack)
    return jobs.count_up(pulumi, stack, job, lambda: _resources(pulumi, stack)) or up(home, stack)


def report(home: Path, stack: str) -> int:
    """Run the notebook on the newest results of the account's stack."""
    output = str(home / f"report-{stack}.html")
    return _pulumi(home, stack).module("workshop.report", "--stack", stack, "--output", output)


def shell(home: Path, stack: str) -> int:
    """A shell in which pulumi, kubectl, kubectl smlogs and aws act on the account's stack."""
    pulumi = _pulumi(home, stack)
    written = _kubeconfig(home, stack, pulumi)
    say(f"pulumi, kubectl, kubectl smlogs and aws act on stack {stack} here; `exit` leaves")
    if not shutil.which("kubectl", path=pulumi.environment["PATH"]):
        say("kubectl is not on PATH, and smlogs needs it: see https://kubernetes.io/docs/tasks/tools/")
    return terminal.run([os.environ.get("SHELL", "/bin/sh")], {**pulumi.environment, "KUBECONFIG": str(written)})


def crds(home: Path, stack: str) -> int:
    """Bring the operator's definitions in the cluster to the version of its chart."""
    pulumi = _pulumi(home, stack)
    written = _kubeconfig(home, stack, pulumi)
    return replace(pulumi, environment={**pulumi.environment, "KUBECONFIG": str(written)}).module(
        "workshop.crds", "--stack", stack
    )


def run_now(home: Path, stack: str, job: str) -> int:
    """Run a scheduled job now."""
    return jobs.tick(_pulumi(home, stack), stack, job)


def workshop(home: Path, stack: str, module: str) -> int:
    """Run one of the workshop's tools against the account."""
    return terminal.run([sys.executable, "-m", module, "--stack", stack], _environment(home, stack))


def refuse(command: str, stack: str, known: Iterable[str]) -> int:
    """Refuse a command that only the local cloud has.

    Raises:
        CommandError: always; it lists the commands of this stack.
    """
    raise CommandError(
        f"`make {command}` is for the local cloud; for stack {stack} there are {', '.join(sorted(known))}"
    )


def _kubeconfig(home: Path, stack: str, pulumi: PulumiCli) -> Path:
    written = local.write_kubeconfig(home / f"kubeconfig-{stack}", outputs(pulumi, stack))
    if written is None:
        raise CommandError(f"stack {stack} has no cluster yet: `make up STACK={stack}` comes first")
    return written


def _pulumi(home: Path, stack: str) -> PulumiCli:
    pulumi = pulumi_cli.choose(home, _environment(home, stack))
    return replace(pulumi, environment={**pulumi.environment, **_passphrase(stack, pulumi.environment)})


def _passphrase(stack: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Ask for the passphrase once: Pulumi itself does not ask when a program reads its output."""
    if not has_passphrase(stack) or environment.keys() & set(PASSPHRASES):
        return {}
    if terminal.is_wanted() or not sys.stdin.isatty():
        raise CommandError(f"a passphrase encrypts the secrets of stack {stack}: export {' or '.join(PASSPHRASES)}")
    return {PASSPHRASES[0]: getpass(f"Passphrase of stack {stack}: ")}


def _environment(home: Path, stack: str) -> dict[str, str]:
    environment.write_tools(home, CHECKOUT)
    place = region(stack)  # the person's own default region may be another one, in which the stack does not exist
    placed = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), place) if place else {}
    return environment.real(home, stack) | placed | terminal.settings()


def _resources(pulumi: PulumiCli, stack: str) -> list[dict[str, Any]]:
    deployment = json.loads(pulumi.ask("stack", "export", "--stack", stack))["deployment"] or {}
    return deployment.get("resources") or []
