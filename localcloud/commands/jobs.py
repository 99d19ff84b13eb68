"""A stack's jobs in the commands: requests to run one again, and scheduled jobs.

`make tick` runs a scheduled job now, and `make destroy` stops those that run. Requests are in the stack's settings, one entry
for each job: `rerun.<job>`. An entry is part of the job's identity, and must stay while the job has the content that it was
meant for: without it the job would be the old one again. Each entry contains that content's hash, as in `2@486cb729`. When
the job has another content, or is gone, the entry has no meaning any more and is removed from the settings file, which git
tracks.
"""

from __future__ import annotations

from localcloud.commands import stack
from localcloud.commands.stack import Stack
from localcloud.console import CommandError, say, step

SCHEDULE = "aws:scheduler/schedule:Schedule"
LOCAL_SECONDS_AHEAD = "2"  # the local scheduler fires to the second


def count_up(chosen: Stack, job: str) -> int:
    """Request another run of a job: raise its entry by one.

    Args:
        chosen: the stack.
        job: the declared name.

    Raises:
        CommandError: no job is named, or the stack has no job of this name.
    """
    if not job:
        raise CommandError(f"name the job: make retry JOB=churn{'' if chosen.is_local else f' STACK={chosen.name}'}")
    contents = stack.job_contents(chosen.resources())
    if contents and job not in contents:
        raise CommandError(
            f"the stack has no job {job!r} (JOB); it has {', '.join(contents)}. A new one runs with make up"
        )
    count = stack.reruns(chosen.name).get(job, "1").partition("@")[0]
    following = str(int(count) + 1 if count.isdecimal() else 2)  # the entry may also be any other text
    meant_for = f"@{contents[job]}" if contents.get(job) else ""
    return _config(chosen, "set", "--path", f"rerun.{job}", following + meant_for)


def forget_spent(chosen: Stack) -> None:
    """Remove the entries that have no meaning any more; call it when a deployment has succeeded."""
    entries = stack.reruns(chosen.name)
    if not entries:
        return
    contents = stack.job_contents(chosen.resources())
    spent = [job for job, value in entries.items() if job not in contents or _is_spent(value, contents[job])]
    for job in spent:
        why = "its content has changed" if job in contents else "the stack no longer has this job"
        say(f"    rerun.{job} is removed from Pulumi.{chosen.name}.yaml: {why}")
    if len(spent) == len(entries):
        _config(chosen, "rm", "rerun")
        return
    for job in spent:
        _config(chosen, "rm", "--path", f"rerun.{job}")


def _is_spent(value: str, content: str) -> bool:
    _, mark, meant = value.rpartition("@")
    return bool(mark and content) and meant != content


def _config(chosen: Stack, act: str, *arguments: str) -> int:
    return chosen.pulumi.run("config", act, "--stack", chosen.name, *arguments)


def tick(chosen: Stack, job: str) -> int:
    """Run a scheduled job of a stack now, and follow it to its end."""
    ahead = ("--ahead", LOCAL_SECONDS_AHEAD) if chosen.is_local else ()
    return chosen.module("workshop.scheduled", "--run", job, *ahead)


def end_schedules(chosen: Stack) -> int:
    """Remove a stack's schedules, then stop the jobs that they have started, before the bucket that these write to is
    removed.

    Returns:
        0, or the exit code of the command that failed.
    """
    targets = [f"--target={found['urn']}" for found in chosen.resources() if found["type"] == SCHEDULE]
    if not targets:
        return 0
    with step("Remove the schedules and stop their jobs"):
        code = chosen.pulumi.run("destroy", "--stack", chosen.name, *chosen.unasked, *targets)
        return code or chosen.module("workshop.scheduled", "--stop")
