"""One job as a component: its upload, its name, its paths, its wait."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from jobs import transform_job
from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs, PlannedJob
from jobs.inputs import LocalInput, ResultOf, S3Input
from jobs.transform_job import JobPlace
from tests.program.jobs import CSV, JOB, OBJECT, run, two

ARGS = TransformJobArgs(input="in.csv")
SOURCE = LocalInput(Path("in.csv"), (("in.csv", Path("in.csv")),), "d" * 64)


def named(job: PlannedJob, **known: str) -> dict[str, Any]:
    output: Any = None  # outputs need an engine; what they come to is known here
    place = JobPlace(
        region="us-east-1",
        partition=output,
        prefix="w",
        bucket_name=output,
        model_name=output,
        models=output,
        instance_type="ml.m5.large",
        timeout_minutes=30,
        tags={"project": "p", "stack": "s"},
        bucket_ready=(),
        role_ready=(),
        operator_ready=(),
    )
    known = {"model_name": "m", "input_uri": "s3://b/in.csv", "bucket": "b", **known}
    return transform_job.named_spec(job, place, **known)["spec"]


def test_a_spec_is_named_and_writes_to_a_folder_of_its_name() -> None:
    spec = named(PlannedJob("churn", ARGS, SOURCE))
    assert spec["transformJobName"].startswith("w-churn-")
    assert spec["transformOutput"]["s3OutputPath"] == f"s3://b/output/{spec['transformJobName']}/"
    assert spec["transformResources"]["instanceType"] == "ml.m5.large"


def test_the_stacks_tags_win_over_those_of_a_job() -> None:
    spec = named(PlannedJob("churn", replace(ARGS, tags={"team": "t", "stack": "another"}), SOURCE))
    tags = {tag["key"]: tag["value"] for tag in spec["tags"]}
    assert tags == {"team": "t", "project": "p", "stack": "s", "job": "churn"}


@pytest.mark.parametrize(
    ("job", "known"),
    [
        pytest.param(PlannedJob("churn", ARGS, replace(SOURCE, digest="e" * 64)), {}, id="another content"),
        pytest.param(PlannedJob("churn", ARGS, SOURCE, rerun="2"), {}, id="a wish to run again"),
        pytest.param(PlannedJob("churn", ARGS, SOURCE), {"model_name": "n"}, id="another model"),
        pytest.param(PlannedJob("churn", ARGS, SOURCE), {"bucket": "c"}, id="another bucket"),
        pytest.param(PlannedJob("churn", ARGS, ResultOf("a")), {"input_uri": "s3://b/a.out"}, id="another's result"),
    ],
)
def test_a_spec_has_another_name_for(job: PlannedJob, known: dict[str, str]) -> None:
    before = named(PlannedJob("churn", ARGS, SOURCE))["transformJobName"]
    assert named(job, **known)["transformJobName"] != before


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        pytest.param(SOURCE, "s3://b/input/d/in.csv", "in.csv.out", id="a file"),
        pytest.param(SOURCE, "s3://b/input/d/", "", id="a folder"),
        pytest.param(S3Input("s3://b/x.csv", "d", "x.csv.out"), "s3://b/x.csv", "x.csv.out", id="an object"),
        pytest.param(S3Input("s3://b/x", "d", ""), "s3://b/x", "", id="a prefix that ends in no slash"),
        pytest.param(ResultOf("a"), "s3://b/output/a/x.csv.out", "x.csv.out.out", id="another's result"),
    ],
)
def test_the_result_is_called(source: LocalInput | S3Input | ResultOf, path: str, name: str) -> None:
    assert transform_job.result_name(source, path) == name


def test_a_job_nobody_waits_for_is_not_waited_for() -> None:
    graph = run(lambda jobs: jobs.add("quick", TransformJobArgs(input=CSV, wait=False)), status=lambda _: None)
    assert graph.error is None
    assert "pulumi.com/waitFor" not in graph.one(JOB).inputs["metadata"]["annotations"]
    assert graph.outputs["transform_jobs"]["quick"]["status"] == "NotStarted"


def test_a_job_says_how_long_it_is_waited_for() -> None:
    graph = run(lambda jobs: jobs.add("slow", TransformJobArgs(input=CSV, timeout_minutes=90)))
    assert graph.one(JOB).options.customTimeouts.create == "90m"


def test_equal_inputs_are_uploaded_once_and_both_jobs_depend_on_the_upload() -> None:
    graph = run(two)
    (upload,) = [found for found in graph.all(OBJECT) if found.inputs["key"].startswith("input/")]
    assert all(graph.outlives(upload, job) for job in graph.all(JOB))
    paths = {job["input_path"] for job in graph.outputs["transform_jobs"].values()}
    assert len(paths) == 1


def test_a_folder_becomes_a_prefix_and_so_does_its_result(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.csv").write_text(",".join("1" * 18))
    (tmp_path / "deep" / "b.csv").write_text(",".join("2" * 18))
    graph = run(lambda jobs: jobs.add("many", TransformJobArgs(input=str(tmp_path))))
    keys = sorted(found.inputs["key"].split("/", 2)[2] for found in graph.all(OBJECT) if "many" in found.name)
    assert keys == ["a.csv", "deep/b.csv"]
    job = graph.outputs["transform_jobs"]["many"]
    assert job["input_path"].endswith("/")
    assert job["result_path"] == job["output_path"]


def test_two_models_in_a_row_read_one_anothers_result() -> None:
    def chain(jobs: Jobs) -> None:
        first = jobs.add("first", TransformJobArgs(input=CSV))
        jobs.add("second", TransformJobArgs(input=first, model_name="other"))

    graph = run(chain)
    jobs = graph.outputs["transform_jobs"]
    assert jobs["second"]["input_path"] == jobs["first"]["result_path"]
    assert jobs["second"]["result_path"] == f"{jobs['second']['output_path']}batch_input.csv.out.out"
    assert graph.outlives(graph.one(JOB, "first"), graph.one(JOB, "second"))
    changed = run(chain, config={"rerun": {"first": 2}}).outputs["transform_jobs"]
    assert changed["second"]["job_name"] != jobs["second"]["job_name"]


def test_rerun_renames_one_job_and_no_other() -> None:
    before, after = run(two).outputs["transform_jobs"], run(two, config={"rerun": {"bad": 2}}).outputs["transform_jobs"]
    assert before["good"] == after["good"]
    assert before["bad"]["job_name"] != after["bad"]["job_name"]


def test_an_input_that_changes_while_it_is_uploaded_runs_nothing() -> None:
    with patch.object(LocalInput, "changed", lambda _: True):
        graph = run(two)
    assert "changed while it was uploaded. Run this again" in str(graph.error)
    assert graph.all(JOB) == []
