"""Whether a change of each argument runs a job anew: one table."""

from dataclasses import fields, replace
from typing import Any

import pytest

from jobs import identity, spec
from jobs.arguments import ExperimentConfig, ModelClientConfig, Schedule, TransformJobArgs
from jobs.inputs import ResultOf

ARGS = TransformJobArgs(input="in.csv")


def name(args: TransformJobArgs = ARGS, digest: str = "d1", rerun: str = "", **places: str) -> str:
    known = {
        "model_name": "m",
        "input_uri": "s3://b/in.csv",
        "output_base": "s3://b/output",
        "instance_type": "ml.m5.large",
    }
    known |= places
    if args.instance_type:
        known["instance_type"] = args.instance_type
    if args.output_base:
        known["output_base"] = args.output_base
    built = spec.build(args, **known)
    return identity.job_name(
        "p", "job", spec.complete(built, "any", {}) | {"transformOutput": built["transformOutput"]}, digest, rerun
    )


# argument -> another value, and whether it runs the job anew
TABLE: dict[str, tuple[Any, bool]] = {
    "s3_data_type": ("ManifestFile", True),
    "content_type": ("application/json", True),
    "compression_type": ("Gzip", True),
    "split_type": ("None", True),
    "accept": ("application/json", True),
    "assemble_with": ("None", True),
    "output_kms_key_id": ("alias/key", True),
    "output_base": ("s3://elsewhere/x", True),
    "batch_strategy": ("SingleRecord", True),
    "max_payload_in_mb": (1, True),
    "max_concurrent_transforms": (2, True),
    "environment": ({"A": "1"}, True),
    "model_client_config": (ModelClientConfig(), True),
    "input_filter": ("$[1:]", True),
    "join_source": ("Input", True),
    "output_filter": ("$[-1]", True),
    "instance_type": ("ml.m5.xlarge", True),
    "instance_count": (2, True),
    "volume_kms_key_id": ("alias/key", True),
    "transform_ami_version": ("al2-ami-sagemaker-batch-gpu-535", True),
    "experiment_config": (ExperimentConfig(trial_name="t"), True),
    "tags": ({"team": "a"}, False),
    "wait": (False, False),
    "timeout_minutes": (5, False),
    "after": (("other",), False),
    "schedule": (Schedule("rate(1 day)"), False),  # a scheduled run is named by its execution, not by its content
    "labels": ("truth.csv", False),
    "label_column": ("y", False),
    "label_key": ("id", False),
    "columns": (("a", "b"), False),
}
BY_VALUE = {"input", "model", "model_name"}  # their values are resolved first: see the tests below


def test_the_table_knows_every_argument() -> None:
    assert {item.name for item in fields(TransformJobArgs)} == TABLE.keys() | BY_VALUE


@pytest.mark.parametrize(
    ("argument", "value", "anew"),
    [pytest.param(key, *row, id=f"{key} {'runs' if row[1] else 'does not run'} it anew") for key, row in TABLE.items()],
)
def test_a_changed_argument(argument: str, value: Any, anew: bool) -> None:
    assert (name(replace(ARGS, **{argument: value})) != name()) is anew


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"digest": "d2"}, id="the content of the input"),
        pytest.param({"rerun": "2"}, id="the wish to run again"),
        pytest.param({"model_name": "m2"}, id="the model"),
        pytest.param({"input_uri": "s3://b/other.csv"}, id="the place of the input"),
        pytest.param({"output_base": "s3://b2/output"}, id="the bucket of the result"),
    ],
)
def test_a_job_also_runs_again_with_another(changed: dict[str, str]) -> None:
    assert name(ARGS, **changed) != name()


def test_the_same_job_has_the_same_name_in_every_run() -> None:
    assert name() == name()
    assert name().rpartition("-")[0] == "p-job"
    assert len(name().rpartition("-")[2]) == 8


def test_the_order_of_members_does_not_count() -> None:
    first = identity.job_name("p", "j", {"a": 1, "b": 2}, "", "")
    assert identity.job_name("p", "j", {"b": 2, "a": 1}, "", "") == first


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param("Churn", id="capitals"),
        pytest.param("a_b", id="an underscore"),
        pytest.param("-a", id="a hyphen first"),
        pytest.param("a-", id="a hyphen last"),
        pytest.param("", id="nothing"),
        pytest.param("a.b", id="a dot"),
        pytest.param("a\n", id="a line end"),
    ],
)
def test_a_job_name_is_refused_if_it_has(declared: str) -> None:
    assert "a-z, 0-9 and -" in (identity.name_problem("p", declared) or "")


def test_a_refused_name_is_told_its_first_wrong_letter_and_a_right_name() -> None:
    assert (identity.name_problem("p", "my_job") or "").endswith("; '_' is not allowed; is my-job meant?")
    assert (identity.name_problem("p", "-a") or "").endswith("first and last; is a meant?")
    assert (identity.name_problem("p", "_") or "").endswith("; '_' is not allowed")


def test_the_longest_name_fits_and_one_more_does_not() -> None:
    longest = 63 - len("batch-workshop") - 8 - 2
    assert identity.name_problem("batch-workshop", "a" * longest) is None
    assert len(identity.job_name("batch-workshop", "a" * longest, {}, "", "")) == 63
    assert "39 are allowed" in (identity.name_problem("batch-workshop", "a" * (longest + 1)) or "")


def test_a_result_as_input_is_part_of_the_place_of_the_input() -> None:
    assert name(replace(ARGS, input=ResultOf("other")), digest="", input_uri="s3://b/output/p-other-1/") != name(
        replace(ARGS, input=ResultOf("other")), digest="", input_uri="s3://b/output/p-other-2/"
    )


class TestAWishToRunAgain:
    def test_for_this_content_makes_another_job(self) -> None:
        content = name().rpartition("-")[2]
        assert name(rerun=f"2@{content}") not in {name(), name(rerun="2"), name(rerun=f"3@{content}")}

    def test_for_another_content_no_longer_counts(self) -> None:
        assert name(rerun="2@ffffffff") == name()

    def test_without_a_content_counts_for_any_content(self) -> None:
        assert name(digest="d2", rerun="2") != name(digest="d2")
