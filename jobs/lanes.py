"""How many jobs run at once: the lanes that the stack allows, and the SageMaker quotas that they need.

In a lane each job starts when the one before has ended, also if that failed. Lanes hold all jobs of the stack, in addition
to the limit that a fan-out may have. They do not count for a job's identity, so that another number of lanes runs nothing
again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from infra import settings
from jobs import declared
from jobs.declaration import JobDefaults, PlannedJob, collect
from lookups import quotas
from lookups.quotas import QuotaError

ReadQuota = Callable[[str], float | None]
"""Returns how many instances of a type transform jobs may use at once in this account; None if that is not known."""


@dataclass(frozen=True)
class Lanes:
    """The jobs of a stack, in an order in which they can be created; each names the jobs that it follows."""

    jobs: Sequence[PlannedJob]
    instances: Mapping[str, int]
    """How many instances of each type may run at once, at most."""


def arrange(planned: Sequence[PlannedJob], at_once: int, instance_type: str) -> Lanes:
    """Put jobs, given in an order in which each follows those that it needs, into lanes.

    Args:
        planned: the jobs as `declaration.collect` returns them.
        at_once: how many may run at once; 0 for no limit.
        instance_type: the SageMaker type of jobs that do not set one.

    Raises:
        pulumi.RunError: there is a limit, and a job has wait=False.
    """
    if at_once:
        _refuse_unwatched(planned)
    lanes = _lanes(planned, at_once)
    placed = {job.name: job for lane in lanes for job in lane}
    return Lanes([placed[job.name] for job in planned], _instances(lanes, instance_type))


def beyond_quota(instances: Mapping[str, int], read: ReadQuota) -> list[str]:
    """Say for which instance types jobs would use more at once than the account's quota allows."""
    return [
        f"up to {needed} of {kind} would run at once, and this account's quota for transform jobs is {quota:.0f}: {remedy}"
        for kind, needed in instances.items()
        if (quota := read(kind)) is not None and quota < needed
        for remedy in [_remedy(int(quota))]
    ]


def warn_beyond_quota(instances: Mapping[str, int], region: str) -> pulumi.Output[None]:
    """In a preview, warn of jobs that must wait for the quota; AWS is asked in parallel with the program."""

    async def check(_: object) -> None:
        if not pulumi.runtime.is_dry_run():
            return
        for warning in await asyncio.to_thread(beyond_quota, instances, lambda kind: _quota(kind, region)):
            pulumi.log.warn(warning)

    return pulumi.Output.from_input(None).apply(check)


def _lanes(planned: Sequence[PlannedJob], at_once: int) -> list[list[PlannedJob]]:
    """Put each job into a lane: one with a last job that it follows anyway, else a new one, else the shortest one."""
    lanes: list[list[PlannedJob]] = []
    earlier: dict[str, set[str]] = {}
    for job in planned:
        before = {*job.needs, *(name for needed in job.needs for name in earlier[needed])}
        lane = next((lane for lane in lanes if lane[-1].name in before), None)
        if lane is None and (not at_once or len(lanes) < at_once):
            lanes.append([job])
        elif lane is not None:
            lane.append(job)
        else:
            lane = min(lanes, key=len)
            before |= {lane[-1].name, *earlier[lane[-1].name]}
            lane.append(replace(job, args=replace(job.args, after=(*job.args.after, lane[-1].name))))
        earlier[job.name] = before
    return lanes


def _instances(lanes: Sequence[Sequence[PlannedJob]], instance_type: str) -> dict[str, int]:
    """Count instances by type: in each lane one job runs at a time, so that the largest one counts."""
    total: Counter[str] = Counter()
    for lane in lanes:
        largest: dict[str, int] = {}
        for job in lane:
            kind = job.args.instance_type or instance_type
            largest[kind] = max(largest.get(kind, 0), job.args.instance_count)
        total.update(largest)
    return dict(total)


def _refuse_unwatched(planned: Sequence[PlannedJob]) -> None:
    if unwatched := [job.name for job in planned if not job.args.wait]:
        raise pulumi.RunError(
            f"maxJobsAtOnce is not possible with {', '.join(unwatched)}, which has wait=False; "
            "nothing was created. Remove wait=False, or set maxJobsAtOnce to 0."
        )


def _remedy(quota: int) -> str:
    if quota < 1:
        return "no job starts; `make preflight` shows how to ask for more"
    return (
        f"the rest wait, each job up to its timeout. Set maxJobsAtOnce to {quota}, or ask for more (`make preflight`)"
    )


def _quota(kind: str, region: str) -> float | None:
    """Return a quota; None without the permission to read it, which preflight reports."""
    try:
        found = quotas.transform(kind, region)
    except QuotaError:
        return None
    return found.value if found else None


def main() -> int:
    """Print, as JSON, how many instances of each type the declared jobs may use at once; AWS is not asked for quotas.

    The stack's settings are read from standard input, as JSON, because a tool has no engine that passes them.
    """
    given: dict[str, Any] = json.load(sys.stdin)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    project = pulumi.get_project()
    pulumi.runtime.set_all_config({key if ":" in key else f"{project}:{key}": text for key, text in texts.items()})
    try:
        chosen = settings.load()
        planned = [job for job in collect(declared.DECLARATIONS, JobDefaults.of(chosen)) if job.args.schedule is None]
        arranged = arrange(planned, chosen.max_jobs_at_once, chosen.transform_instance_type)
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(arranged.instances))
    return 0


if __name__ == "__main__":
    sys.exit(main())
