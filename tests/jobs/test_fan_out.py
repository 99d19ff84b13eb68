"""Many jobs from one declaration."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs import declaration, fan_out
from jobs.declaration import JobDefaults, Jobs
from jobs.inputs import ResultOf
from tests.jobs.declaring import ARGS, refused

UNTYPED: Any = fan_out


def test_many_inputs_make_many_jobs_of_which_some_run_at_once(defaults: JobDefaults) -> None:
    inputs = {f"n{number}": "in.csv" for number in range(5)}
    planned = declaration.collect([lambda jobs: fan_out.over_inputs(jobs, "many", ARGS, inputs, at_once=2)], defaults)
    assert {job.name: job.needs for job in planned} == {
        "many-n0": (),
        "many-n1": (),
        "many-n2": ("many-n0",),
        "many-n3": ("many-n1",),
        "many-n4": ("many-n2",),
    }


def test_without_a_limit_all_run_at_once(defaults: JobDefaults) -> None:
    inputs = {f"n{number}": "in.csv" for number in range(5)}
    planned = declaration.collect([lambda jobs: fan_out.over_inputs(jobs, "many", ARGS, inputs)], defaults)
    assert all(job.needs == () for job in planned)


@pytest.mark.parametrize("at_once", [0, -1])
def test_a_limit_that_lets_no_job_run_is_refused(defaults: JobDefaults, at_once: int) -> None:
    inputs = {"n0": "in.csv", "n1": "in.csv"}
    message = refused(defaults, lambda jobs: fan_out.over_inputs(jobs, "many", ARGS, inputs, at_once=at_once))
    assert f"many: at_once is {at_once}. Allowed: 1 or more" in message


def test_a_grid_over_an_unknown_argument_is_refused(defaults: JobDefaults) -> None:
    message = refused(defaults, lambda jobs: fan_out.over_grid(jobs, "grid", ARGS, {"payload": [1]}))
    assert "grid: payload in the grid is not an argument of a job. Allowed: input, " in message


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        pytest.param(
            lambda jobs: UNTYPED.over_grid(jobs, "grid", ARGS, {"max_payload_in_mb": 6}),
            "grid: {'max_payload_in_mb': 6} is not allowed. Allowed: a mapping of texts to a tuple or list of values",
            id="one value for a list",
        ),
        pytest.param(
            lambda jobs: UNTYPED.over_grid(jobs, "grid", ARGS, {"input_filter": "$[1:]"}),
            "grid: {'input_filter': '$[1:]'} is not allowed",
            id="a text for a list",
        ),
        pytest.param(
            lambda jobs: UNTYPED.over_inputs(jobs, "many", ARGS, ["a.csv"]),
            "sources: ['a.csv'] is not allowed. Allowed: a mapping of texts to texts or PathLike or ResultOf",
            id="a list of inputs",
        ),
        pytest.param(
            lambda jobs: UNTYPED.over_variants(jobs, "size", {"small": "in.csv"}),
            "variants: {'small': 'in.csv'} is not allowed. Allowed: a mapping of texts to TransformJobArgs",
            id="a text for a variant",
        ),
    ],
)
def test_a_wrong_call_is_reported_in_one_line_with_its_place(
    defaults: JobDefaults, call: Callable[[Any], object], problem: str
) -> None:
    (line,) = refused(defaults, call).splitlines()[1:]
    assert line.startswith("  - tests/jobs/test_fan_out.py, line ")
    assert problem in line
    assert ". Write for example: over_" in line


def test_inputs_may_be_paths_and_the_values_of_a_grid_any_series(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        fan_out.over_inputs(jobs, "many", ARGS, {"n0": Path("in.csv")})
        fan_out.over_grid(jobs, "grid", ARGS, {"max_payload_in_mb": range(1, 3)})

    planned = declaration.collect([declare], defaults)
    assert [job.name for job in planned] == ["many-n0", "grid-1", "grid-2"]


def test_a_grid_in_which_two_jobs_would_have_one_name_is_refused(defaults: JobDefaults) -> None:
    grid = {"input_filter": ["$[0:]", "$[0]"]}
    message = refused(defaults, lambda jobs: fan_out.over_grid(jobs, "grid", ARGS, grid))
    assert "grid: two combinations of the grid have the name grid-0" in message


def test_a_grid_is_named_by_its_values(defaults: JobDefaults) -> None:
    grid = {"max_payload_in_mb": [1, 6], "batch_strategy": ["MultiRecord", "SingleRecord"]}
    planned = declaration.collect([lambda jobs: fan_out.over_grid(jobs, "grid", ARGS, grid)], defaults)
    assert {job.name: (job.args.max_payload_in_mb, job.args.batch_strategy) for job in planned} == {
        "grid-1-multirecord": (1, "MultiRecord"),
        "grid-1-singlerecord": (1, "SingleRecord"),
        "grid-6-multirecord": (6, "MultiRecord"),
        "grid-6-singlerecord": (6, "SingleRecord"),
    }


def test_variants_are_named_and_give_back_their_results(defaults: JobDefaults) -> None:
    jobs = Jobs(replace(defaults, rerun={}))
    variants = {"small": replace(ARGS, max_payload_in_mb=1), "large": replace(ARGS, max_payload_in_mb=6)}
    assert fan_out.over_variants(jobs, "size", variants) == {
        "small": ResultOf("size-small"),
        "large": ResultOf("size-large"),
    }
    assert {job.name: job.args.max_payload_in_mb for job in jobs.plan()} == {"size-small": 1, "size-large": 6}


def test_a_job_of_a_chain_keeps_what_it_was_to_follow(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("first", ARGS)
        inputs = {"n0": "in.csv", "n1": "in.csv"}
        fan_out.over_inputs(jobs, "many", replace(ARGS, after=("first",)), inputs, at_once=1)

    planned = declaration.collect([declare], defaults)
    assert {job.name: job.needs for job in planned}["many-n1"] == ("first", "many-n0")


def test_results_of_a_fan_out_are_inputs_of_the_next(defaults: JobDefaults) -> None:
    def declare(jobs: Jobs) -> None:
        firsts = fan_out.over_inputs(jobs, "clean", ARGS, {"n0": "in.csv", "n1": "in.csv"})
        fan_out.over_inputs(jobs, "score", ARGS, firsts)

    planned = declaration.collect([declare], defaults)
    assert {job.name: job.needs for job in planned if job.name.startswith("score")} == {
        "score-n0": ("clean-n0",),
        "score-n1": ("clean-n1",),
    }
