"""Bring the local cloud up for a stack, and clear what a cloud that is gone left behind."""

from __future__ import annotations

import os
from pathlib import Path

from localcloud.commands import environment, pulumi_cli, stack, tools
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError, say, step
from localcloud.home import CHECKOUT
from localcloud.supervisor import client, record
from localcloud.supervisor.record import Cloud


def ensure(home: Path) -> Cloud:
    """The running cloud; started when none runs, after clearing what a former one left."""
    cloud = client.running(home)
    if cloud is None:
        _clear_leftovers(home)
        with step("Local cloud"):
            registered = [f"{stack.project()}/{stack.LOCAL}"]
            cloud = client.start(home, registered, environment.local(home, None), port=_port())
    _refresh_commands(home, cloud.aws_endpoint)
    return cloud


def pulumi(home: Path, cloud: Cloud | None) -> PulumiCli:
    """The CLI for the local stack, in the local environment."""
    return pulumi_cli.choose(home, environment.local(home, cloud.aws_endpoint if cloud else None))


def forget(home: Path) -> None:
    """Forget the stack and all that ran; set-up and logs stay."""
    stack.forget(home)
    record.forget(home)
    (home / "kubeconfig").unlink(missing_ok=True)
    if (home / "env").exists():
        environment.write_shell_file(home, None)


def _clear_leftovers(home: Path) -> None:
    resources = stack.resources(home)
    if not resources:
        return
    jobs = stack.declared_jobs(resources)
    again = f"; to be computed again: {', '.join(sorted(jobs))}" if jobs else ""
    say(f"    the local cloud of the last run is gone, and its resources with it{again}")
    forget(home)


def _refresh_commands(home: Path, endpoint: str) -> None:
    tools.write(home, CHECKOUT)
    tools.write_plugins(home, CHECKOUT)
    environment.write_shell_file(home, endpoint)


def _port() -> int:
    """LOCALCLOUD_PORT fixes the AWS endpoint's port; by default a free one is taken.

    Raises:
        CommandError: it is no port.
    """
    text = os.environ.get("LOCALCLOUD_PORT") or "0"
    if not text.isdecimal() or int(text) > 65535:
        raise CommandError(f"LOCALCLOUD_PORT={text} is no port: 0 (any free one) to 65535")
    return int(text)
