"""The workshop as a new user does it: two commands, the jobs as code, the steps of the workshop's page."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import result

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]


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


def test_kubectl_knows_the_jobs_by_the_old_name_and_the_new(standing: Checkout) -> None:
    job = standing.outputs()["transform_jobs"]["churn"]["job_name"]
    listed = [standing.shell(f"kubectl get {kind} {job}") for kind in ("batchtransformjob", "transformjob", "btj")]
    assert all("Completed" in said.text for said in listed), listed
    assert len({said.text for said in listed}) == 1
    assert "Transform Job Status:" in standing.shell(f"kubectl describe batchtransformjob {job}").text


def test_smlogs_shows_what_the_job_logged_by_its_declared_name_and_its_own(standing: Checkout) -> None:
    job = standing.outputs()["transform_jobs"]["churn"]["job_name"]
    by_declared, by_own = (standing.shell(f"kubectl smlogs batchtransformjob {name}") for name in ("churn", job))
    assert by_declared == by_own
    assert by_own.code == 0, by_own.text
    assert "MaxConcurrentTransforms=" in by_own.text
    assert "data-log]" in by_own.text


def test_kubectl_can_wait_for_a_job(standing: Checkout) -> None:
    job = standing.outputs()["transform_jobs"]["churn"]["job_name"]
    expression = "jsonpath='{.status.transformJobStatus}'=Completed"
    assert standing.shell(f"kubectl wait --for={expression} transformjob/{job} --timeout=60s").code == 0


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


def test_the_logs_of_a_healthy_cloud_have_no_warnings_of_python(standing: Checkout) -> None:
    said = standing.make_target("logs")
    assert said.code == 0, said.text
    assert "containers.log" not in said.text  # it is empty
    assert "Warning" not in said.text
