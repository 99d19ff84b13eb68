"""Starts the local cloud for a stack, and removes what an earlier cloud left behind."""

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
    """The running cloud. If none runs, what an earlier one left is removed, and a new one is started."""
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
    """Delete the state of the stack and of everything that ran; set-up and logs stay."""
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
    """LOCALCLOUD_PORT sets the AWS endpoint's port; the default is a free one.

    Raises:
        CommandError: it is not a valid port.
    """
    text = os.environ.get("LOCALCLOUD_PORT") or "0"
    if not text.isdecimal() or int(text) > 65535:
        raise CommandError(f"LOCALCLOUD_PORT={text} is not a valid port: use 0 (any free port) to 65535")
    return int(text)
