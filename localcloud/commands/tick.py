"""Scheduled jobs in the commands: `make tick` runs one now, and `make destroy` stops those that run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localcloud.commands import stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import step

SCHEDULE = "aws:scheduler/schedule:Schedule"
LOCAL_SECONDS_AHEAD = "2"  # the local scheduler fires to the second


def tick(pulumi: PulumiCli, name: str, job: str) -> int:
    """Run a scheduled job of a stack now, and follow it to its end."""
    ahead = ("--ahead", LOCAL_SECONDS_AHEAD) if name == stack.LOCAL else ()
    return pulumi.module("workshop.tick", "--stack", name, "--job", job, *ahead)


def end_schedules(pulumi: PulumiCli, name: str, resources: Iterable[dict[str, Any]], *flags: str) -> int:
    """Remove a stack's schedules, then stop the jobs that they have started, before the bucket that these write to is removed.

    Args:
        pulumi: the CLI, in the stack's environment.
        name: the stack's.
        resources: those that its state has.
        flags: of `pulumi destroy`.

    Returns:
        0, or the exit code of what failed.
    """
    urns = [found["urn"] for found in resources if found["type"] == SCHEDULE]
    if not urns:
        return 0
    targets = [f"--target={urn}" for urn in urns]
    with step("Remove the schedules and stop their jobs"):
        code = pulumi.run("destroy", "--stack", name, *flags, *targets)
        return code or pulumi.module("workshop.scheduled", "--stack", name, "--stop")
