"""Jobs in lanes: at most so many at a time, in an order that respects their dependencies, compared with the quotas."""

from collections.abc import Mapping, Sequence

import pulumi
import pytest

from jobs import inputs, lanes
from jobs.arguments import TransformJobArgs
from jobs.declaration import PlannedJob


def job(name: str, *after: str, kind: str | None = None, count: int = 1, wait: bool = True) -> PlannedJob:
    args = TransformJobArgs(input="", after=after, instance_type=kind, instance_count=count, wait=wait)
    return PlannedJob(name, args, inputs.NOTHING)


def follows(arranged: lanes.Lanes) -> dict[str, tuple[str, ...]]:
    return {found.name: found.needs for found in arranged.jobs}


FIVE = [job(name) for name in "abcde"]


@pytest.mark.parametrize(
    ("planned", "at_once", "expected"),
    [
        pytest.param(FIVE, 0, {"a": (), "b": (), "c": (), "d": (), "e": ()}, id="no limit: nobody follows anybody"),
        pytest.param(FIVE, 1, {"a": (), "b": ("a",), "c": ("b",), "d": ("c",), "e": ("d",)}, id="one lane"),
        pytest.param(FIVE, 2, {"a": (), "b": (), "c": ("a",), "d": ("b",), "e": ("c",)}, id="two lanes"),
        pytest.param(FIVE, 9, {"a": (), "b": (), "c": (), "d": (), "e": ()}, id="more lanes than jobs"),
        pytest.param(
            [job("a"), job("b"), job("c", "a"), job("d")],
            2,
            {"a": (), "b": (), "c": ("a",), "d": ("b",)},
            id="a job that follows another anyway stays in its lane",
        ),
        pytest.param(
            [job("a"), job("b", "a"), job("c", "a"), job("d", "b", "c")],
            2,
            {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")},
            id="a diamond is as it was",
        ),
    ],
)
def test_a_job_follows(planned: list[PlannedJob], at_once: int, expected: Mapping[str, tuple[str, ...]]) -> None:
    assert follows(lanes.arrange(planned, at_once, "ml.m5.large")) == expected


def most_at_once(arranged: lanes.Lanes) -> int:
    """Run the jobs as Pulumi does, each as soon as those that it follows are done, and a job as long as a round."""
    done: set[str] = set()
    most = 0
    while len(done) < len(arranged.jobs):
        ready = [found.name for found in arranged.jobs if found.name not in done and done.issuperset(found.needs)]
        most = max(most, len(ready))
        done.update(ready)
    return most


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_no_more_run_at_once_than_there_are_lanes(at_once: int) -> None:
    planned = [job(f"j{n}", *([f"j{n - 3}"] if n % 4 == 3 else [])) for n in range(40)]
    assert most_at_once(lanes.arrange(planned, at_once, "ml.m5.large")) <= at_once


@pytest.mark.parametrize(
    ("planned", "at_once", "expected"),
    [
        pytest.param(FIVE, 0, {"ml.m5.large": 5}, id="all at once"),
        pytest.param(FIVE, 2, {"ml.m5.large": 2}, id="in two lanes"),
        pytest.param([job("a"), job("b", "a"), job("c", "b")], 0, {"ml.m5.large": 1}, id="one after the other"),
        pytest.param([job("a", count=3), job("b")], 0, {"ml.m5.large": 4}, id="jobs of several instances"),
        pytest.param([job("a", count=3), job("b")], 1, {"ml.m5.large": 3}, id="the largest of a lane"),
        pytest.param(
            [job("a"), job("b", kind="ml.c5.xlarge")], 0, {"ml.m5.large": 1, "ml.c5.xlarge": 1}, id="types apart"
        ),
    ],
)
def test_instances_are_counted(planned: list[PlannedJob], at_once: int, expected: Mapping[str, int]) -> None:
    assert lanes.arrange(planned, at_once, "ml.m5.large").instances == expected


def test_a_limit_that_a_job_nobody_waits_for_would_break_is_refused() -> None:
    planned = [job("a"), job("b", wait=False)]
    with pytest.raises(pulumi.RunError, match=r"maxJobsAtOnce is not possible with b.*nothing was created"):
        lanes.arrange(planned, 1, "ml.m5.large")
    assert lanes.arrange(planned, 0, "ml.m5.large").jobs == planned


@pytest.mark.parametrize(
    ("needed", "quota", "words"),
    [
        pytest.param(5, 2, ["up to 5 of ml.m5.large", "is 2", "Set maxJobsAtOnce to 2"], id="more than the quota"),
        pytest.param(1, 0, ["is 0: no job starts", "make preflight"], id="a quota of 0"),
    ],
)
def test_jobs_beyond_the_quota_are_reported(needed: int, quota: float, words: Sequence[str]) -> None:
    (warning,) = lanes.beyond_quota({"ml.m5.large": needed}, lambda _: quota)
    assert all(word in warning for word in words)


@pytest.mark.parametrize("quota", [pytest.param(2.0, id="as many as there may be"), pytest.param(None, id="unknown")])
def test_jobs_within_the_quota_are_not_reported(quota: float | None) -> None:
    assert lanes.beyond_quota({"ml.m5.large": 2}, lambda _: quota) == []
