"""Jobs in a whole run: refusals before anything is created, another model, many at once."""

from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs
from tests.program.harness import deploy
from tests.program.jobs import CSV, run, two


def test_another_archive_renames_model_and_jobs(tmp_path: Path) -> None:
    before, after = run(two), run(two, config={"modelImage": f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own:1"})
    assert before.outputs["model_name"] != after.outputs["model_name"]
    names = [graph.outputs["transform_jobs"]["good"]["job_name"] for graph in (before, after)]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        pytest.param(
            lambda jobs: jobs.add("Churn", TransformJobArgs(input=CSV)),
            "'C' is not allowed; is churn meant?",
            id="capitals",
        ),
        pytest.param(lambda jobs: jobs.add("c" * 60, TransformJobArgs(input=CSV)), "39 are allowed", id="a long name"),
        pytest.param(lambda jobs: jobs.add("c", TransformJobArgs(input="gone.csv")), "there is no file", id="no input"),
        pytest.param(lambda jobs: (two(jobs), two(jobs)), "two jobs have this name", id="two of one name"),
    ],
)
def test_a_job_is_refused_before_anything_is_created(declare: Callable[[Jobs], object], message: str) -> None:
    graph = run(declare)
    assert isinstance(graph.error, pulumi.RunError)
    assert message in str(graph.error)
    assert {found.type for found in graph.resources.values()} == {"pulumi:pulumi:Stack"}


def test_wrong_settings_are_refused_before_anything_is_created() -> None:
    graph = deploy(config={"prefix": "NO", "allowedCidrs": ["0.0.0.0/0"]})
    assert str(graph.error).startswith("2 problems in the settings; nothing was created.")
    assert {found.type for found in graph.resources.values()} == {"pulumi:pulumi:Stack"}


def test_many_jobs_are_as_many_objects() -> None:
    def many(jobs: Jobs) -> None:
        for number in range(30):
            jobs.add(f"n{number}", TransformJobArgs(input=CSV, environment={"N": str(number)}))

    graph = run(many)
    assert len({job["job_name"] for job in graph.outputs["transform_jobs"].values()}) == 30
    assert graph.error is None
