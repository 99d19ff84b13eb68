"""SageMaker's limits, each just inside and just outside."""

from dataclasses import replace
from typing import Any

import pytest

from jobs import declaration, validation
from jobs.arguments import ExperimentConfig, ModelClientConfig, TransformJobArgs
from jobs.inputs import ResultOf

ARGS = TransformJobArgs(input="in.csv")
LIMITS = validation.Limits(["ml.m5.large"], own_tags=declaration.OWN_TAGS + 2)
JOIN = {"join_source": "Input", "input_filter": "$[1:]", "output_filter": "$[0,-1]"}


def problems(**changes: Any) -> list[str]:
    return validation.problems(replace(ARGS, **changes), LIMITS)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the defaults"),
        pytest.param({"max_payload_in_mb": 100}, id="the largest payload"),
        pytest.param({"max_payload_in_mb": 0}, id="no limit of payload"),
        pytest.param({"max_payload_in_mb": 50, "max_concurrent_transforms": 2}, id="100 MB at once"),
        pytest.param({"max_concurrent_transforms": 16}, id="16 times the default payload"),
        pytest.param({"instance_count": 100}, id="the most instances"),
        pytest.param({"environment": {f"A{n}": "v" for n in range(16)}}, id="16 variables"),
        pytest.param({"tags": {f"t{n}": "v" for n in range(45)}}, id="45 tags beside our five"),
        pytest.param({"tags": {"Größe": "a b/c"}}, id="letters of any script"),
        pytest.param(JOIN, id="the churn recipe of filters and join"),
        pytest.param({"input_filter": f"$[{'1,' * 29}12]"}, id="a filter of 63 characters"),
        pytest.param(
            {**JOIN, "content_type": "application/jsonlines", "accept": "application/jsonlines"}, id="JSON Lines"
        ),
        pytest.param({"split_type": "None", "batch_strategy": "MultiRecord"}, id="a strategy without split"),
        pytest.param({"split_type": "TFRecord", "assemble_with": "Line"}, id="TFRecord assembled by line"),
        pytest.param({"model_client_config": ModelClientConfig(3600, 3)}, id="the most patience"),
        pytest.param({"join_source": "None"}, id="no join, said in words"),
        pytest.param({"input": "s3://bucket/in", "s3_data_type": "ManifestFile"}, id="a manifest"),
    ],
)
def test_allowed(changes: dict[str, Any]) -> None:
    assert problems(**changes) == []


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        pytest.param({"s3_data_type": "AugmentedManifestFile"}, "s3_data_type", id="a data type of training"),
        pytest.param({"compression_type": "gzip"}, "compression_type", id="a word in another case"),
        pytest.param({"split_type": "line"}, "split_type", id="an unknown split"),
        pytest.param({"assemble_with": "RecordIO"}, "assemble_with", id="an unknown assembly"),
        pytest.param({"batch_strategy": "Multi"}, "batch_strategy", id="an unknown strategy"),
        pytest.param({"join_source": "Output"}, "join_source", id="an unknown join"),
        pytest.param({"max_payload_in_mb": 101}, "max_payload_in_mb", id="too large a payload"),
        pytest.param({"max_payload_in_mb": -1}, "max_payload_in_mb", id="a negative payload"),
        pytest.param(
            {"max_concurrent_transforms": 17}, "max_concurrent_transforms * max_payload_in_mb", id="102 MB at once"
        ),
        pytest.param({"max_concurrent_transforms": -1}, "max_concurrent_transforms", id="negative concurrency"),
        pytest.param({"instance_count": 0}, "instance_count", id="no instance"),
        pytest.param({"instance_count": 101}, "instance_count", id="too many instances"),
        pytest.param({"instance_type": "ml.p3.16xlarge"}, "instance_type", id="an instance type that is not allowed"),
        pytest.param({"timeout_minutes": 0}, "timeout_minutes", id="no time to wait"),
        pytest.param(
            {"model_client_config": ModelClientConfig(0, 3)},
            "model_client_config.invocations_timeout_in_seconds",
            id="no patience",
        ),
        pytest.param(
            {"model_client_config": ModelClientConfig(1, 4)},
            "model_client_config.invocations_max_retries",
            id="too many retries",
        ),
        pytest.param({"environment": {"1A": "v"}}, "environment", id="a variable that starts with a digit"),
        pytest.param({"environment": {f"A{n}": "v" for n in range(17)}}, "environment", id="17 variables"),
        pytest.param({"environment": {"A": "v" * 10241}}, "environment", id="a value that is too long"),
        pytest.param({"tags": {"aws:x": "v"}}, "tags", id="a tag of AWS's own"),
        pytest.param({"tags": {"a": "<v>"}}, "tags", id="a tag with brackets"),
        pytest.param({"tags": {f"t{n}": "v" for n in range(46)}}, "tags", id="51 tags in all"),
        pytest.param({"model_name": "a_b"}, "model_name", id="a model's name with underscore"),
        pytest.param({"output_kms_key_id": "key!"}, "output_kms_key_id", id="a key that is none"),
        pytest.param({"volume_kms_key_id": ""}, "volume_kms_key_id", id="an empty key"),
        pytest.param({"transform_ami_version": "a_b"}, "transform_ami_version", id="an AMI version that is none"),
        pytest.param({"output_base": "bucket/x"}, "output_base", id="an output without scheme"),
        pytest.param({"input": "http://b/x"}, "input", id="an input over http"),
        pytest.param({"input": "s3:///x"}, "input", id="an input without bucket"),
        pytest.param({"s3_data_type": "ManifestFile"}, "s3_data_type", id="a local manifest"),
        pytest.param({"input_filter": "$" + "." * 63}, "input_filter", id="a filter that is too long"),
        pytest.param({"input_filter": "[1:]"}, "input_filter", id="a filter without $"),
        pytest.param({"output_filter": "$..a"}, "output_filter", id="a descent"),
        pytest.param({"output_filter": "$[?(@.a)]"}, "output_filter", id="a filter expression"),
        pytest.param({"output_filter": "$[0:9:2]"}, "output_filter", id="a step"),
        pytest.param({"input_filter": "$[1:"}, "input_filter", id="a bracket that is not closed"),
        pytest.param({"input_filter": "$.a"}, "input_filter", id="a name in a CSV row"),
        pytest.param({**JOIN, "accept": "application/json"}, "content_type", id="a join of two types"),
        pytest.param({**JOIN, "accept": None, "content_type": None}, "content_type", id="a join of no types"),
        pytest.param({**JOIN, "assemble_with": "None"}, "split_type", id="a join that is not assembled"),
        pytest.param(
            {"experiment_config": ExperimentConfig("a b")},
            "experiment_config.experiment_name",
            id="an experiment with a space",
        ),
        pytest.param({"content_type": "x" * 257}, "content_type", id="a type that is too long"),
    ],
)
def test_refused(changes: dict[str, Any], member: str) -> None:
    found = problems(**changes)
    assert found, "nothing was refused"
    assert all("Allowed: " in problem for problem in found)
    assert any(problem.startswith(f"{member}: ") for problem in found), found


def test_a_refused_instance_type_says_how_to_allow_it() -> None:
    (found,) = problems(instance_type="ml.c5.large")
    assert found.endswith("set in the stack's file allowedTransformInstanceTypes: [ml.m5.large, ml.c5.large]")


@pytest.mark.parametrize("changes", [{"input": "s3://b/x/"}, {"output_base": "s3://b/x/"}], ids=str)
def test_a_bucket_with_too_short_a_name_is_told_the_length(changes: dict[str, Any]) -> None:
    (found,) = problems(**changes)
    assert "with 3 to 63 of a-z, 0-9, . and - for the bucket" in found


JSON_LINES = {"content_type": "application/jsonlines", "accept": "application/jsonlines"}


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        pytest.param(
            {**JSON_LINES, "output_filter": "$['a_b']"},
            """output_filter: CreateTransformJob is reported to refuse it: Invalid OutputFilter: "$['a_b']". Unexpected "_\"""",
            id="an underscore",
        ),
        pytest.param(
            {"output_filter": "$[0,5:]"},
            "output_filter: the job is reported to fail with it: Invalid JsonPath: $[0,5:]: only single range filters",
            id="a range and an index",
        ),
    ],
)
def test_a_reported_refusal_of_a_filter_is_a_warning(changes: dict[str, Any], warning: str) -> None:
    assert problems(**changes) == []
    (found,) = validation.doubtful_filters(replace(ARGS, **changes))
    assert found.startswith(warning)


def test_a_filter_that_sagemaker_accepts_is_not_doubtful() -> None:
    assert list(validation.doubtful_filters(replace(ARGS, **JOIN))) == []


def test_everything_is_said_at_once() -> None:
    assert len(problems(split_type="x", instance_count=0, max_payload_in_mb=200, input_filter="a")) == 5


OWN = replace(LIMITS, own_buckets="w-data-")


@pytest.mark.parametrize(
    ("source", "output"),
    [
        pytest.param("s3://my/churn", "s3://my/churn-results", id="an output whose name starts as the input's"),
        pytest.param("s3://my/in/", "s3://my/in/out", id="an output in the input's folder"),
        pytest.param("s3://my/in/", "s3://my/in", id="the same folder, without its slash"),
        pytest.param("s3://my", "s3://my/out", id="the whole bucket"),
        pytest.param("s3://my", "s3://my", id="the whole bucket for both"),
        pytest.param("s3://my/", "s3://my/out/", id="the whole bucket, with its slash"),
        pytest.param("s3://my/out/p-jo", "s3://my/out", id="the start of the job's own folder"),
        pytest.param("s3://my/out/p-job-", "s3://my/out/", id="all of the job's runs"),
        pytest.param("s3://w-data-1a2b3c4", None, id="all of the stack's own bucket"),
        pytest.param("s3://w-data-1a2b3c4/output/", None, id="all results in the stack's own bucket"),
    ],
)
def test_an_input_that_contains_the_jobs_own_output_is_refused(source: str, output: str | None) -> None:
    args = replace(ARGS, input=source, output_base=output)
    (problem,) = validation.problems(args, OWN, "p-job-")
    assert problem.startswith(
        f"input: '{source}' is not allowed with the output under {output or 's3://w-data-1a2b3c4'}"
    )
    assert "Allowed: an input that its output does not start with (end a folder with a /)" in problem
    assert "or another output_base" in problem


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"input": "s3://my/in/", "output_base": "s3://my/out"}, id="two folders"),
        pytest.param({"input": "s3://my/churn/", "output_base": "s3://my/churn-results"}, id="a folder's whole name"),
        pytest.param({"input": "s3://my/", "output_base": "s3://my-out/x"}, id="two buckets"),
        pytest.param(
            {"input": "s3://my-in", "output_base": "s3://my-in-out/x"}, id="a bucket that starts another's name"
        ),
        pytest.param({"input": "s3://my/out/p-first-1/", "output_base": "s3://my/out"}, id="another job's result"),
        pytest.param({"input": "s3://my/out/p-job-1/", "output_base": "s3://my/out"}, id="the result of an older run"),
        pytest.param(
            {"input": "s3://my/in", "s3_data_type": "ManifestFile", "output_base": "s3://my/in"}, id="a manifest"
        ),
        pytest.param({"input": "s3://elsewhere/output/"}, id="another bucket than the stack's own"),
        pytest.param({"input": "s3://w-data-1a2b3c4/input/"}, id="another folder of the stack's own bucket"),
        pytest.param({"input": "s3://w-data-1/output/", "output_base": "s3://w-data-2/output"}, id="two stacks"),
        pytest.param({"input": "in.csv", "output_base": "s3://my/in"}, id="a local file"),
        pytest.param({"input": ResultOf("first"), "output_base": "s3://my/in"}, id="a result by its job"),
    ],
)
def test_an_input_beside_the_output_is_allowed(changes: dict[str, Any]) -> None:
    assert validation.problems(replace(ARGS, **changes), OWN, "p-job-") == []


KEY = f"arn:aws:kms:us-east-1:{'1' * 12}:key/1-2"
OTHER = f"arn:aws:kms:us-east-1:{'1' * 12}:key/3-4"
RIGHTS = replace(LIMITS, own_buckets="w-data-", input_buckets=("in",), output_buckets=("out",), kms_keys=(KEY,))


@pytest.mark.parametrize(
    ("changes", "reads"),
    [
        pytest.param({}, "", id="a local input"),
        pytest.param({}, "s3://in/x.csv", id="a bucket to read"),
        pytest.param({"output_base": "s3://out/x"}, "", id="a bucket to write"),
        pytest.param(
            {"output_base": "s3://w-data-1a2b3c4/output"}, "s3://w-data-1a2b3c4/input/x", id="the stack's own"
        ),
        pytest.param({"output_kms_key_id": KEY}, "", id="a key by ARN"),
        pytest.param({"volume_kms_key_id": "1-2"}, "", id="a key by id"),
        pytest.param({"output_kms_key_id": "alias/mine"}, "", id="an alias, which may stand for the key"),
        pytest.param({"output_kms_key_id": "alias/aws/s3"}, "", id="AWS's own key"),
        pytest.param({"model_name": "m", "output_base": "s3://b"}, "s3://a/x", id="another model, with its own role"),
    ],
)
def test_permissions_are_present(changes: dict[str, Any], reads: str) -> None:
    assert list(validation.missing_permissions(replace(ARGS, **changes), reads, RIGHTS)) == []


@pytest.mark.parametrize(
    ("changes", "reads", "key", "what"),
    [
        pytest.param({}, "s3://out/x.csv", "inputBuckets", "the bucket out", id="a bucket to write only"),
        pytest.param({"output_base": "s3://in/x"}, "", "outputBuckets", "the bucket in", id="a bucket to read only"),
        pytest.param({"output_kms_key_id": OTHER}, "", "kmsKeys", f"the key {OTHER}", id="a key for the result"),
        pytest.param({"volume_kms_key_id": "3-4"}, "", "kmsKeys", "the key 3-4", id="a key for the volume"),
        pytest.param(
            {"model_name": "m", "volume_kms_key_id": OTHER},
            "",
            "kmsKeys",
            f"the key {OTHER}",
            id="the operator's grant",
        ),
    ],
)
def test_a_missing_permission_is_tolerated(changes: dict[str, Any], reads: str, key: str, what: str) -> None:
    (warning,) = validation.missing_permissions(replace(ARGS, **changes), reads, RIGHTS)
    assert what in warning
    assert f"add it to config {key}" in warning


def test_an_alias_stands_for_no_key_where_none_is_allowed() -> None:
    args = replace(ARGS, output_kms_key_id="alias/mine")
    (warning,) = validation.missing_permissions(args, "", replace(RIGHTS, kms_keys=()))
    assert "the key alias/mine" in warning
