"""Jobs in a whole run: ends, chains, shared inputs, refusals before anything is created."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
import pytest

from jobs import declared
from jobs.arguments import TransformJobArgs
from jobs.declaration import Jobs
from jobs.inputs import LocalInput, ResultOf
from tests.program.harness import COMPLETED, Graph, deploy

JOB = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
CSV = "model/batch_input.csv"
FAILED = {"transformJobStatus": "Failed", "failureReason": "ClientError: See job logs for more information"}


def run(*declarations: Callable[[Jobs], object], **options: Any) -> Graph:
    with patch.object(declared, "DECLARATIONS", declarations):
        return deploy(**options)


def two(jobs: Jobs) -> None:
    jobs.add("good", TransformJobArgs(input=CSV))
    jobs.add("bad", TransformJobArgs(input=CSV, batch_strategy="SingleRecord"))


def statuses(**by_name: Mapping[str, Any] | None) -> Callable[[str], Mapping[str, Any] | None]:
    return lambda name: by_name.get(name, COMPLETED)


@pytest.fixture(scope="module", name="failed")
def _failed() -> Graph:
    return run(two, status=statuses(bad=FAILED), last_lines=lambda _, __: ["ValueError: could not convert"])


class TestAFailedJob:
    def test_fails_the_run_with_one_line(self, failed: Graph) -> None:
        assert isinstance(failed.error, pulumi.RunError)
        assert str(failed.error) == "1 of 2 transform jobs did not complete"

    def test_says_why_and_what_to_do(self, failed: Graph) -> None:
        ((level, text),) = failed.messages
        assert level == logging.ERROR
        assert "is Failed: ClientError: See job logs for more information" in text
        assert "  ValueError: could not convert" in text
        assert "make retry JOB=bad STACK=local" in text

    def test_loses_nothing(self, failed: Graph) -> None:
        jobs = failed.outputs["transform_jobs"]
        assert {name: job["status"] for name, job in jobs.items()} == {"good": "Completed", "bad": "Failed"}
        assert all(job["result_path"].endswith("/batch_input.csv.out") for job in jobs.values())


def test_a_failure_is_told_while_another_job_still_runs() -> None:
    told, in_time = threading.Event(), []

    def status(name: str) -> Mapping[str, Any]:
        if name == "bad":
            return FAILED
        in_time.append(told.wait(timeout=10))
        return COMPLETED

    with patch.object(pulumi.log, "error", lambda _, resource: told.set()):
        graph = run(two, status=status)
    assert in_time == [True]
    assert graph.outputs["transform_jobs"]["good"]["status"] == "Completed"
    assert str(graph.error) == "1 of 2 transform jobs did not complete"


def test_a_job_that_never_started_has_a_status_too() -> None:
    graph = run(two, status=statuses(bad=None))
    assert graph.outputs["transform_jobs"]["bad"]["status"] == "NotStarted"
    assert "1 of 2" in str(graph.error)


def test_a_preview_of_a_failed_job_fails_nothing() -> None:
    graph = run(two, status=statuses(bad=FAILED), preview=True)
    assert graph.error is None
    assert graph.messages == []


def test_an_expired_result_is_told_and_fails_nothing() -> None:
    graph = run(two, result_exists=lambda path: "-good-" in path)
    assert graph.error is None
    ((level, text),) = graph.messages
    assert level == logging.WARNING
    assert "its result is gone" in text


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
    (tmp_path / "a.csv").write_text("1\n")
    (tmp_path / "deep" / "b.csv").write_text("2\n")
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


def test_a_job_whose_input_failed_says_so() -> None:
    def chain(jobs: Jobs) -> None:
        jobs.add("second", TransformJobArgs(input=ResultOf("first")))
        jobs.add("first", TransformJobArgs(input=CSV))

    nothing = {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": "No S3 objects found"}]}
    graph = run(chain, status=statuses(first=FAILED, second=nothing))
    assert any("second: not run, because its input is the result of first" in text for _, text in graph.messages)


def test_a_job_that_completed_on_a_part_of_its_input_fails_the_run() -> None:
    def chain(jobs: Jobs) -> None:
        jobs.add("second", TransformJobArgs(input=jobs.add("first", TransformJobArgs(input=CSV))))

    graph = run(chain, status=statuses(first=FAILED))
    assert str(graph.error) == "1 of 2 transform jobs did not complete, 1 had less than the whole input"
    assert any("second: Completed, but on a part of its input only" in text for _, text in graph.messages)


def test_rerun_renames_one_job_and_no_other() -> None:
    before, after = run(two).outputs["transform_jobs"], run(two, config={"rerun": {"bad": 2}}).outputs["transform_jobs"]
    assert before["good"] == after["good"]
    assert before["bad"]["job_name"] != after["bad"]["job_name"]


def test_another_archive_renames_model_and_jobs(tmp_path: Path) -> None:
    before, after = run(two), run(two, config={"modelImage": f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own:1"})
    assert before.outputs["model_name"] != after.outputs["model_name"]
    names = [graph.outputs["transform_jobs"]["good"]["job_name"] for graph in (before, after)]
    assert names[0] != names[1]


def test_an_input_that_changes_while_it_is_uploaded_runs_nothing() -> None:
    with patch.object(LocalInput, "changed", lambda _: True):
        graph = run(two)
    assert "changed while it was uploaded. Run again" in str(graph.error)
    assert graph.all(JOB) == []


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        pytest.param(lambda jobs: jobs.add("Churn", TransformJobArgs(input=CSV)), "capitals", id="capitals"),
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
    assert str(graph.error).startswith("2 settings cannot be used; nothing was created.")
    assert {found.type for found in graph.resources.values()} == {"pulumi:pulumi:Stack"}


def test_many_jobs_are_as_many_objects() -> None:
    def many(jobs: Jobs) -> None:
        for number in range(100):
            jobs.add(f"n{number}", TransformJobArgs(input=CSV, environment={"N": str(number)}))

    graph = run(many)
    assert len({job["job_name"] for job in graph.outputs["transform_jobs"].values()}) == 100
    assert graph.error is None
