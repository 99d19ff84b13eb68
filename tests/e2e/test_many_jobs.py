"""Many jobs from few lines, jobs that follow each other, a job for which nobody waits, and a job made by kubectl."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import result, wait_for
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]
ROW = "128,415,0,1,25,{}.1,110,45.07,197.4,99,16.78,244.7,91,11.01,10,3,2.7,1\n"
PARTS = {f"part-{number}.csv": ROW.format(260 + number) * 20 for number in range(3)}
DECLARED = """\
fan_out.over_inputs(jobs, "part", TransformJobArgs(input=""), {str(n): f"part-{n}.csv" for n in range(3)}, at_once=1)
kept = jobs.add("kept", TransformJobArgs(input="part-0.csv", join_source="Input", output_filter="$[0:-1]"))
jobs.add("again", TransformJobArgs(input=kept))
jobs.add("unwaited", TransformJobArgs(input="part-1.csv", environment={"OF": "nobody"}, wait=False))
"""
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


def described(checkout: Checkout, job: dict[str, str]) -> dict[str, Any]:
    return checkout.client("sagemaker").describe_transform_job(TransformJobName=job["job_name"])


def test_one_declaration_fans_out_and_jobs_follow_jobs(standing: Checkout) -> None:
    with added(standing, {}, PARTS, DECLARED):
        up = standing.make_target("up")
        assert up.code == 0, up.text
        jobs = standing.outputs()["transform_jobs"]
        assert set(jobs) == {"churn", "part-0", "part-1", "part-2", "kept", "again", "unwaited"}
        assert {job["status"] for name, job in jobs.items() if name != "unwaited"} == {"Completed"}

        parts = [described(standing, jobs[f"part-{number}"]) for number in range(3)]
        assert all(a["TransformEndTime"] <= b["CreationTime"] for a, b in itertools.pairwise(parts))

        assert jobs["again"]["input_path"] == jobs["kept"]["result_path"]
        assert result(standing, "again") == result(standing, "part-0")

        wait_for(lambda: described(standing, jobs["unwaited"])["TransformJobStatus"] == "Completed")
        assert result(standing, "unwaited") == result(standing, "part-1")
        refreshed = standing.shell("pulumi up --yes --skip-preview --refresh")
        assert refreshed.code == 0, refreshed.text
        assert standing.outputs()["transform_jobs"]["unwaited"]["status"] == "Completed"


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
