"""Jobs with a schedule: the arguments that they accept, and the call that they make."""

import json
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from jobs import scheduling, spec
from jobs.account import Account
from jobs.arguments import ExperimentConfig, ModelArgs, ModelClientConfig, Schedule, TransformJobArgs
from jobs.declaration import JobDefaults, Jobs, collect
from jobs.inputs import ResultOf
from jobs.validation import Limits
from tests.jobs.declaring import refused

NIGHTLY = TransformJobArgs(
    input="s3://somebodys-bucket/nightly/", schedule=Schedule("cron(0 2 * * ? *)", timezone="Europe/Berlin")
)
DEFAULTS = JobDefaults(
    region="us-east-1",
    prefix="batch-workshop",
    batch_input="in.csv",
    limits=Limits(("ml.m5.large",), own_tags=5, input_buckets=("somebodys-bucket",)),
)


def nightly(jobs: Jobs) -> None:
    jobs.add("nightly", NIGHTLY)


def test_the_input_of_a_schedule_is_not_read_when_the_program_runs() -> None:
    def never(uri: str) -> list[Any]:
        raise AssertionError(uri)

    (job,) = collect([nightly], DEFAULTS, Account(list_objects=never))
    assert job.input == scheduling.unread("s3://somebodys-bucket/nightly/")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"input": "in.csv"}, "input: 'in.csv' is not allowed with a schedule", id="a local file"),
        pytest.param({"input": ResultOf("churn")}, "the result of 'churn' is not allowed", id="another job's result"),
        pytest.param({"model": ModelArgs(archive="model.tar.gz")}, "model: it is not allowed", id="a model of its own"),
        pytest.param({"labels": "truth.csv"}, "labels: they are not allowed", id="labels"),
        pytest.param({"after": ("churn",)}, "after: it is not allowed with a schedule", id="an order"),
        pytest.param({"timeout_minutes": 5}, "timeout_minutes: it is not allowed", id="a time to wait"),
        pytest.param({"schedule": Schedule("cron(0 2 31 2 ? *)")}, "never fires", id="never"),
        pytest.param({"schedule": Schedule("nightly")}, "'nightly' is not allowed", id="no expression"),
        pytest.param({"schedule": Schedule("rate(1 day)", "Mars/Olympus")}, "does not exist", id="no time zone"),
        pytest.param({"schedule": Schedule("rate(1 day)", retries=186)}, "Allowed: 0 to 185", id="too many retries"),
        pytest.param({"schedule": "rate(1 day)"}, "schedule: 'rate(1 day)' is not allowed", id="a mere text"),
    ],
)
def test_a_job_that_a_schedule_cannot_run_is_refused(changed: dict[str, Any], said: str) -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("churn", TransformJobArgs(input="s3://b/missing/", schedule=Schedule("rate(1 day)")))
        jobs.add("nightly", replace(NIGHTLY, **changed))

    assert said in refused(DEFAULTS, declare)


def test_the_name_leaves_room_for_the_execution_id() -> None:
    longest = "elevenchars"
    assert len(f"batch-workshop-{longest}-{'i' * scheduling.EXECUTION_ID_LENGTH}") == 63
    assert len(collect([lambda jobs: jobs.add(longest, NIGHTLY)], DEFAULTS)) == 1
    said = refused(DEFAULTS, lambda jobs: jobs.add("twelve-chars", NIGHTLY))
    assert "the name has 12 characters, 11 are allowed with a schedule" in said


def test_no_job_can_follow_one_that_runs_by_a_schedule() -> None:
    def declare(jobs: Jobs) -> None:
        jobs.add("next", TransformJobArgs(input=jobs.add("nightly", NIGHTLY)))

    assert "next: it must follow the job 'nightly', which runs by a schedule" in refused(DEFAULTS, declare)


FULL = replace(
    NIGHTLY,
    output_kms_key_id="alias/results",
    volume_kms_key_id="alias/volumes",
    transform_ami_version="al2-ami-sagemaker-batch-gpu-535",
    max_concurrent_transforms=2,
    environment={"lower_case": "1"},
    model_client_config=ModelClientConfig(),
    experiment_config=ExperimentConfig(trial_name="trial"),
    input_filter="$[1:]",
    join_source="Input",
    output_filter="$[-1]",
)


@pytest.mark.parametrize("args", [pytest.param(NIGHTLY, id="plain"), pytest.param(FULL, id="every member")])
def test_the_call_is_one_that_sagemaker_accepts(args: TransformJobArgs) -> None:
    deciding = spec.build(
        args, model_name="m", input_uri="s3://b/in/", output_base="s3://b/output", instance_type="ml.m5.large"
    )
    request = json.loads(scheduling.request(deciding, scheduling.job_name("p", "nightly"), {"job": "nightly"}))
    model = botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateTransformJob")
    assert ParamValidator().validate(request, model.input_shape).generate_report() == ""
    assert request["TransformJobName"] == "p-nightly-<aws.scheduler.execution-id>"
    assert request["TransformOutput"]["S3OutputPath"] == "s3://b/output/p-nightly-<aws.scheduler.execution-id>/"
    assert request["Tags"] == [{"Key": "job", "Value": "nightly"}]
    assert request.get("Environment", {}) == args.environment
