"""A stack's jobs in the commands: requests to run one again, and scheduled jobs.

`make tick` runs a scheduled job now, and `make destroy` stops those that run. Requests are in the stack's settings, one entry
for each job: `rerun.<job>`. An entry is part of the job's identity, and must stay while the job has the content that it was
meant for: without it the job would be the old one again. Each entry contains that content's hash, as in `2@486cb729`. When
the job has another content, or is gone, the entry has no meaning any more and is removed from the settings file, which git
tracks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from localcloud.commands import stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError, say, step

Resources = Callable[[], Iterable[dict[str, Any]]]
"""Returns the resources in a stack's state; called only if they are needed."""

SCHEDULE = "aws:scheduler/schedule:Schedule"
LOCAL_SECONDS_AHEAD = "2"  # the local scheduler fires to the second


def count_up(pulumi: PulumiCli, name: str, job: str, resources: Resources) -> int:
    """Request another run of a job: raise its entry by one.

    Args:
        pulumi: the CLI, in the stack's environment.
        name: the stack's.
        job: the declared name.
        resources: returns those of the stack.

    Raises:
        CommandError: no job is named, or the stack has no job of this name.
    """
    if not job:
        raise CommandError(f"name the job: make retry JOB=churn{'' if name == stack.LOCAL else f' STACK={name}'}")
    contents = stack.job_contents(resources())
    if contents and job not in contents:
        raise CommandError(
            f"the stack has no job {job!r} (JOB); it has {', '.join(contents)}. A new one runs with make up"
        )
    count = stack.reruns(name).get(job, "1").partition("@")[0]
    following = str(int(count) + 1 if count.isdecimal() else 2)  # the entry may also be any other text
    meant_for = f"@{contents[job]}" if contents.get(job) else ""
    return pulumi.run("config", "set", "--stack", name, "--path", f"rerun.{job}", following + meant_for)


def forget_spent(pulumi: PulumiCli, name: str, resources: Resources) -> None:
    """Remove the entries that have no meaning any more; call it when a deployment has succeeded."""
    entries = stack.reruns(name)
    if not entries:
        return
    contents = stack.job_contents(resources())
    spent = [job for job, value in entries.items() if job not in contents or _is_spent(value, contents[job])]
    for job in spent:
        why = "its content has changed" if job in contents else "the stack no longer has this job"
        say(f"    rerun.{job} is removed from Pulumi.{name}.yaml: {why}")
    if len(spent) == len(entries):
        pulumi.run("config", "rm", "--stack", name, "rerun")
        return
    for job in spent:
        pulumi.run("config", "rm", "--stack", name, "--path", f"rerun.{job}")


def _is_spent(value: str, content: str) -> bool:
    _, mark, meant = value.rpartition("@")
    return bool(mark and content) and meant != content


def tick(pulumi: PulumiCli, name: str, job: str) -> int:
    """Run a scheduled job of a stack now, and follow it to its end."""
    ahead = ("--ahead", LOCAL_SECONDS_AHEAD) if name == stack.LOCAL else ()
    return pulumi.module("workshop.scheduled", "--stack", name, "--run", job, *ahead)


def end_schedules(pulumi: PulumiCli, name: str, resources: Iterable[dict[str, Any]], *flags: str) -> int:
    """Remove a stack's schedules, then stop the jobs that they have started, before the bucket that these write to is
    removed.

    Args:
        pulumi: the CLI, in the stack's environment.
        name: the stack's.
        resources: those that its state has.
        flags: of `pulumi destroy`.

    Returns:
        0, or the exit code of the command that failed.
    """
    urns = [found["urn"] for found in resources if found["type"] == SCHEDULE]
    if not urns:
        return 0
    targets = [f"--target={urn}" for urn in urns]
    with step("Remove the schedules and stop their jobs"):
        code = pulumi.run("destroy", "--stack", name, *flags, *targets)
        return code or pulumi.module("workshop.scheduled", "--stack", name, "--stop")
