"""Jobs as code: many from few lines, jobs that follow each other, change, fail, come back; and a job made by kubectl."""

from __future__ import annotations

import csv
import itertools
import re
from typing import Any

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import result, wait_for
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]
ROW = "128,415,0,1,25,{}.1,110,45.07,197.4,99,16.78,244.7,91,11.01,10,3,2.7,1\n"
PARTS = {f"part-{number}.csv": ROW.format(260 + number) * 20 for number in range(3)}
FAN_OUT = """\
fan_out.over_inputs(jobs, "part", TransformJobArgs(input=""), {str(n): f"part-{n}.csv" for n in range(3)}, at_once=1)
kept = jobs.add("kept", TransformJobArgs(input="part-0.csv", join_source="Input", output_filter="$[0:-1]"))
jobs.add("again", TransformJobArgs(input=kept))
jobs.add("unwaited", TransformJobArgs(input="part-1.csv", environment={"OF": "nobody"}, wait=False))
"""
SECRET = """\
import pulumi
pulumi.export("token", pulumi.Output.secret("swordfish"))
"""
LATE = {"late": 'input="late.csv"'}
LATE_ROWS = {"late.csv": ROW.format(265) * 3}
OWN = {"changing": 'input="changing.csv"', "broken": 'input="broken.csv"'}
# The last of so many rows is beyond what is looked at before anything is created.
OWN_ROWS = {"changing.csv": ROW.format(270) * 3, "broken.csv": ROW.format(280) * 6000 + ROW.format("many")}
LEGACY = """\
apiVersion: sagemaker.aws.amazon.com/v1
kind: BatchTransformJob
metadata: {{name: tf-batch}}
spec:
  region: us-east-1
  modelName: {model_name}
  transformInput:
    contentType: text/csv
    splitType: Line
    dataSource: {{s3DataSource: {{s3DataType: S3Prefix, s3Uri: "{input_path}"}}}}
  transformOutput: {{s3OutputPath: "s3://{bucket_name}/output/legacy"}}
  transformResources: {{instanceCount: 1, instanceType: ml.m5.large}}
"""

Jobs = dict[str, dict[str, str]]


def described(checkout: Checkout, job: dict[str, str]) -> dict[str, Any]:
    return checkout.client("sagemaker").describe_transform_job(TransformJobName=job["job_name"])


def test_jobs_run_change_fail_and_come_back_as_the_code_says(standing: Checkout) -> None:
    with added(standing, LATE | OWN, PARTS | LATE_ROWS | OWN_ROWS, FAN_OUT + SECRET):
        failed = standing.make_target("up")
        first = standing.outputs()["transform_jobs"]
        assert_a_job_that_fails_is_reported_and_loses_nothing(failed.code, failed.text, first)
        assert_one_declaration_fans_out_and_jobs_follow_jobs(standing, first)
        assert "swordfish" not in failed.text
        assert re.search(r"^token +\[secret\]$", failed.text, re.MULTILINE)

    ran = set(standing.transform_jobs())
    mended = {"changing.csv": ROW.format(270) * 2 + ROW.format(370), "broken.csv": ROW.format(290)}
    with added(standing, OWN, PARTS | mended, FAN_OUT):
        up = standing.make_target("up")
        assert up.code == 0, up.text
        second = standing.outputs()["transform_jobs"]
        assert {job["status"] for job in second.values()} == {"Completed"}  # the one for which nobody waited, too
        changed = {name for name in second if second[name]["job_name"] != first[name]["job_name"]}
        assert changed == {"changing", "broken"}
        assert set(standing.transform_jobs()) - ran == {second[name]["job_name"] for name in changed}
        lines = result(standing, "changing")
        assert lines[0] == lines[1] != lines[2]

    ran = set(standing.transform_jobs())
    with added(standing, LATE, LATE_ROWS):
        assert standing.make_target("up").code == 0
        assert standing.outputs()["transform_jobs"] == {name: first[name] for name in ("churn", "late")}
    removed = standing.make_target("up")
    assert removed.code == 0, removed.text
    assert set(standing.outputs()["transform_jobs"]) == {"churn"}
    assert_the_last_screen_shows_what_was_deleted_and_the_result(standing, removed.text)
    assert set(standing.transform_jobs()) == ran  # those that came back were adopted: nothing ran


def assert_a_job_that_fails_is_reported_and_loses_nothing(code: int, said: str, jobs: Jobs) -> None:
    assert code != 0
    assert "ClientError: See job logs for more information" in said
    assert "could not convert string to float" in said
    assert "correct the input, or the arguments that describe it; then: make up STACK=local" in said
    assert "make retry" not in said
    assert "Traceback" not in said
    statuses = {name: job["status"] for name, job in jobs.items() if name != "unwaited"}
    others = ("churn", "late", "changing", "part-0", "part-1", "part-2", "kept", "again")
    assert statuses == dict.fromkeys(others, "Completed") | {"broken": "Failed"}


def assert_one_declaration_fans_out_and_jobs_follow_jobs(checkout: Checkout, jobs: Jobs) -> None:
    parts = [described(checkout, jobs[f"part-{number}"]) for number in range(3)]
    assert all(a["TransformEndTime"] <= b["CreationTime"] for a, b in itertools.pairwise(parts))
    assert jobs["again"]["input_path"] == jobs["kept"]["result_path"]
    assert result(checkout, "again") == result(checkout, "part-0")
    wait_for(lambda: described(checkout, jobs["unwaited"])["TransformJobStatus"] == "Completed")
    assert result(checkout, "unwaited") == result(checkout, "part-1")


def assert_the_last_screen_shows_what_was_deleted_and_the_result(checkout: Checkout, said: str) -> None:
    summary = said.partition("Resources:")[2]
    assert " unchanged" in summary
    assert [mark for mark in ("+ ", "~ ", "- ", "+-") if f"\n    {mark}" in summary] == ["- "]
    assert "make report JOB=churn" in said
    assert "Outputs:" not in said
    line = said.splitlines()[-1]
    with (checkout.path / "model/truth.csv").open() as source:
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


def test_a_file_of_the_retired_operator_goes_to_kubectl_and_its_log_is_followed(standing: Checkout) -> None:
    outputs = standing.outputs()
    values = {**outputs, "input_path": outputs["transform_jobs"]["churn"]["input_path"]}
    standing.write("tf-batch.yaml", LEGACY.format(**values))
    applied = standing.shell(".local/venv/bin/python -m jobs.legacy --yaml tf-batch.yaml | kubectl apply -f -")
    try:
        assert applied.code == 0, applied.text
        followed = standing.shell("kubectl smlogs batchtransformjob tf-batch -f")
        assert followed.code == 0, followed.text
        assert "data-log]" in followed.text
        waited = standing.shell("kubectl wait --for=jsonpath='{.status.transformJobStatus}'=Completed btj/tf-batch")
        assert waited.code == 0, waited.text
    finally:
        standing.shell("kubectl delete btj tf-batch --ignore-not-found")
        (standing.path / "tf-batch.yaml").unlink()
