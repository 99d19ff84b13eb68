"""The workshop as a new user has it: two commands, the jobs as code, the page's own steps."""

from __future__ import annotations

import csv
import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import result
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]
ROWS = ["128,415,0,1,25,265.1,110,45.07,197.4,99,16.78,244.7,91,11.01,10,3,2.7,1"] * 3


def csv_of(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


def predicted(checkout: Checkout, rows: bytes, tmp_path: Path) -> list[str]:
    """What the model itself says of these rows, as text."""
    with tarfile.open(checkout.path / "model/model.tar.gz") as archive:
        archive.extract("xgboost-model", tmp_path, filter="data")
    booster = xgboost.Booster({"nthread": 1}, model_file=tmp_path / "xgboost-model")
    table = np.loadtxt(io.BytesIO(rows), delimiter=",", dtype=np.float32)
    return [
        repr(value) for value in booster.predict(xgboost.DMatrix(table, nthread=1), validate_features=False).tolist()
    ]


def test_each_row_has_the_answer_that_the_model_gives_when_asked_directly(standing: Checkout, tmp_path: Path) -> None:
    rows = (standing.path / "model/batch_input.csv").read_bytes()
    assert result(standing, "churn") == predicted(standing, rows, tmp_path)


def test_a_second_up_changes_nothing_and_its_last_screen_shows_the_result(standing: Checkout) -> None:
    assert standing.make_target("up").code == 0  # a test before this one may have left jobs
    before = standing.transform_jobs()
    again = standing.make_target("up")
    assert again.code == 0, again.text
    summary = again.text.partition("Resources:")[2]
    assert " unchanged" in summary
    assert not [mark for mark in ("+ ", "~ ", "- ", "+-") if f"\n    {mark}" in summary]
    assert standing.transform_jobs() == before
    assert "make report JOB=churn" in again.text
    assert "Outputs:" not in again.text
    line = again.text.splitlines()[-1]
    with (standing.path / "model/truth.csv").open() as source:
        rows = sum(1 for _ in csv.DictReader(source))
    found = re.fullmatch(
        r"churn +(\w+) +(\d+) +precision ([\d.]+), recall ([\d.]+), F1 [\d.]+, AUC [\d.]+ +(s3://.*)", line
    )
    assert found, line
    status, count, precision, recall, path = found.groups()
    assert (status, int(count)) == ("Completed", rows)
    assert 0.5 < float(precision) <= 1
    assert 0.5 < float(recall) <= 1
    assert path.endswith("batch_input.csv.out")


def test_outputs_are_those_that_people_rely_on(standing: Checkout) -> None:
    outputs = standing.outputs()
    assert set(outputs) >= {
        "bucket_name",
        "cluster_name",
        "kubeconfig",
        "model_name",
        "execution_role_arn",
        "operator_role_arn",
        "cost",
        "transform_jobs",
    }
    assert outputs["kubeconfig"] == "[secret]"
    assert set(outputs["transform_jobs"]["churn"]) == {
        "job_name",
        "status",
        "reason",
        "input_path",
        "output_path",
        "result_path",
        "labels",
    }


def test_a_job_added_as_code_is_all_that_runs(standing: Checkout) -> None:
    before = standing.transform_jobs()
    with added(standing, {"late": 'input="late.csv"'}, {"late.csv": csv_of(*ROWS)}):
        up = standing.make_target("up")
        assert up.code == 0, up.text
        first = standing.outputs()["transform_jobs"]
        new = set(standing.transform_jobs()) - set(before)
        assert new == {first["late"]["job_name"]}

        standing.write("late.csv", csv_of(*ROWS[:2], ROWS[2].replace("265.1", "365.1")))
        assert standing.make_target("up").code == 0
        second = standing.outputs()["transform_jobs"]
        assert second["churn"] == first["churn"]
        assert second["late"]["job_name"] != first["late"]["job_name"]
        assert set(standing.transform_jobs()) - set(before) == new | {second["late"]["job_name"]}
        lines = result(standing, "late")
        assert lines[0] == lines[1] != lines[2]
    removed = standing.make_target("up")
    assert removed.code == 0, removed.text
    assert set(standing.outputs()["transform_jobs"]) == {"churn"}
    ran = standing.transform_jobs()
    with added(standing, {"late": 'input="late.csv"'}, {"late.csv": csv_of(*ROWS)}):
        assert standing.make_target("up").code == 0
        assert standing.transform_jobs() == ran  # adopted: nothing ran
        assert standing.outputs()["transform_jobs"]["late"] == first["late"]


def test_a_job_whose_input_the_model_rejects_fails_the_run_and_loses_nothing(standing: Checkout) -> None:
    jobs = {"broken": 'input="broken.csv"', "fine": 'input="fine.csv"'}
    # The last of so many rows is beyond what is looked at before anything is created.
    files = {"broken.csv": csv_of(*ROWS * 2000, ROWS[0].replace("265.1", "many")), "fine.csv": csv_of(*ROWS)}
    with added(standing, jobs, files):
        up = standing.make_target("up")
        assert up.code != 0
        assert "ClientError: See job logs for more information" in up.text
        assert "could not convert string to float" in up.text
        assert "correct the input, or the arguments that describe it; then: make up STACK=local" in up.text
        assert "make retry" not in up.text
        assert "Traceback" not in up.text
        outputs = standing.outputs()["transform_jobs"]
        assert {name: job["status"] for name, job in outputs.items()} == {
            "churn": "Completed",
            "fine": "Completed",
            "broken": "Failed",
        }
        assert len(result(standing, "fine")) == len(ROWS)
        assert standing.make_target("up").code != 0  # it still stands failed

        standing.write("broken.csv", csv_of(*ROWS))
        mended = standing.make_target("up")
        assert mended.code == 0, mended.text
        assert standing.outputs()["transform_jobs"]["broken"]["status"] == "Completed"


@pytest.mark.parametrize("kind", ["batchtransformjob", "transformjob", "btj"])
def test_kubectl_knows_the_jobs_by_the_old_name_and_the_new(standing: Checkout, kind: str) -> None:
    job = standing.outputs()["transform_jobs"]["churn"]["job_name"]
    listed = standing.shell(f"kubectl get {kind}")
    assert listed.code == 0, listed.text
    assert "Completed" in listed.text
    described = standing.shell(f"kubectl describe {kind} {job}")
    assert "Transform Job Status:" in described.text


@pytest.mark.parametrize("name", ["declared", "object"])
def test_smlogs_shows_what_the_job_logged(standing: Checkout, name: str) -> None:
    job = standing.outputs()["transform_jobs"]["churn"]["job_name"]
    said = standing.shell(f"kubectl smlogs batchtransformjob {job if name == 'object' else 'churn'}")
    assert said.code == 0, said.text
    assert "MaxConcurrentTransforms=" in said.text
    assert "data-log]" in said.text


def test_kubectl_can_wait_for_a_job(standing: Checkout) -> None:
    job = standing.outputs()["transform_jobs"]["churn"]["job_name"]
    expression = "jsonpath='{.status.transformJobStatus}'=Completed"
    assert standing.shell(f"kubectl wait --for={expression} transformjob/{job} --timeout=5s").code == 0


def test_no_generated_file_with_a_key_is_open_to_others(standing: Checkout) -> None:
    for name in ("kubeconfig", "outputs.json"):
        assert (standing.home / name).stat().st_mode & 0o077 == 0
    assert (standing.home / "pulumi").stat().st_mode & 0o077 == 0
    assert list((standing.home / "pulumi").rglob("local.json"))  # behind that folder, whatever Pulumi's own mode is


def test_the_state_file_holds_no_secret_in_clear(standing: Checkout) -> None:
    outputs = json.loads(standing.shell("pulumi stack output --json --show-secrets").text)
    assert "certificate-authority-data" in json.dumps(outputs["kubeconfig"])
    exported = json.loads(standing.shell("pulumi stack export").text)
    stack = next(r for r in exported["deployment"]["resources"] if r["type"] == "pulumi:pulumi:Stack")
    assert "ciphertext" in stack["outputs"]["kubeconfig"]
