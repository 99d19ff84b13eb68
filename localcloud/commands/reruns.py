"""The wishes to run a job again, which a stack's settings keep: one entry a job, `rerun.<job>`.

An entry enters the job's identity, and so must stay as long as the job is what it was meant for: taken out earlier, the
job would be the old one again. Each entry says which content it was meant for, as in `2@486cb729`. When the job has
another content, or is gone, the entry means nothing any more, and is taken out of the settings file, which git tracks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from localcloud.commands import stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError, say

Resources = Callable[[], Iterable[dict[str, Any]]]
"""Gives the resources that a stack's state has; asked only where they are needed."""


def count_up(pulumi: PulumiCli, name: str, job: str, resources: Resources) -> int:
    """Wish to run a job again, one time more than before.

    Args:
        pulumi: the CLI, in the stack's environment.
        name: the stack's.
        job: the declared name.
        resources: those of the stack.

    Raises:
        CommandError: no job is named, or none that the stack has.
    """
    if not job:
        raise CommandError(f"name the job: make retry JOB=churn{'' if name == stack.LOCAL else f' STACK={name}'}")
    contents = stack.job_contents(resources())
    if contents and job not in contents:
        raise CommandError(
            f"the stack has no job {job!r} (JOB); it has {', '.join(contents)}. A new one runs with make up"
        )
    count = stack.reruns(name).get(job, "1").partition("@")[0]
    following = str(int(count) + 1 if count.isdecimal() else 2)  # any other word for another run may be there
    meant_for = f"@{contents[job]}" if contents.get(job) else ""
    return pulumi.run("config", "set", "--stack", name, "--path", f"rerun.{job}", following + meant_for)


def forget_spent(pulumi: PulumiCli, name: str, resources: Resources) -> None:
    """Take out the entries that mean nothing any more; call it when a deployment has ended well."""
    entries = stack.reruns(name)
    if not entries:
        return
    contents = stack.job_contents(resources())
    spent = [job for job, value in entries.items() if job not in contents or _is_spent(value, contents[job])]
    for job in spent:
        why = "its content has changed" if job in contents else "the stack has no such job any more"
        say(f"    rerun.{job} is taken out of Pulumi.{name}.yaml: {why}")
    if len(spent) == len(entries):
        pulumi.run("config", "rm", "--stack", name, "rerun")
        return
    for job in spent:
        pulumi.run("config", "rm", "--stack", name, "--path", f"rerun.{job}")


def _is_spent(value: str, content: str) -> bool:
    _, mark, meant = value.rpartition("@")
    return bool(mark and content) and meant != content
