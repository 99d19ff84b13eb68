"""The spec that the operator gets: SageMaker's members in ACK's spelling."""

from dataclasses import replace
from typing import Any

import pytest

from jobs import spec
from jobs.arguments import ExperimentConfig, ModelClientConfig, TransformJobArgs
from tests.localcloud.operator import definition

ARGS = TransformJobArgs(input="x")
EVERYTHING = replace(
    ARGS,
    output_kms_key_id="k",
    max_concurrent_transforms=2,
    environment={"A": "1"},
    model_client_config=ModelClientConfig(60, 1),
    input_filter="$[1:]",
    join_source="Input",
    output_filter="$[0]",
    volume_kms_key_id="v",
    transform_ami_version="a",
    experiment_config=ExperimentConfig("e", "t", "d"),
)


def build(args: TransformJobArgs) -> dict[str, Any]:
    built = spec.build(
        args, model_name="m", input_uri="s3://b/i", output_base="s3://b/output", instance_type="ml.m5.large"
    )
    return spec.complete(built, "name", {"k": "v"})


def test_the_defaults_say_what_sagemaker_would_fill_in() -> None:
    assert build(ARGS) == {
        "transformJobName": "name",
        "modelName": "m",
        "batchStrategy": "MultiRecord",
        "maxPayloadInMB": 6,
        "transformInput": {
            "dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/i"}},
            "contentType": "text/csv",
            "compressionType": "None",
            "splitType": "Line",
        },
        "transformOutput": {"s3OutputPath": "s3://b/output/name/", "accept": "text/csv", "assembleWith": "Line"},
        "transformResources": {"instanceType": "ml.m5.large", "instanceCount": 1},
        "tags": [{"key": "k", "value": "v"}],
    }


def test_everything_given_is_there() -> None:
    built = build(EVERYTHING)
    assert built["transformOutput"]["kmsKeyID"] == "k"
    assert built["transformResources"]["volumeKMSKeyID"] == "v"
    assert built["transformResources"]["transformAMIVersion"] == "a"
    assert built["modelClientConfig"] == {"invocationsTimeoutInSeconds": 60, "invocationsMaxRetries": 1}
    assert built["dataProcessing"] == {"inputFilter": "$[1:]", "joinSource": "Input", "outputFilter": "$[0]"}
    assert built["experimentConfig"] == {"experimentName": "e", "trialName": "t", "trialComponentDisplayName": "d"}
    assert (built["maxConcurrentTransforms"], built["environment"]) == (2, {"A": "1"})


def members(schema: dict[str, Any], path: str = "") -> set[str]:
    """Return the paths of every member of a schema; free maps end a path."""
    found: set[str] = set()
    for name, inner in schema.get("properties", {}).items():
        found |= {f"{path}{name}"} | members(inner.get("items", inner), f"{path}{name}.")
    return found


def given(value: Any, path: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(given(item, path) for item in value))
    if not isinstance(value, dict) or path == "environment.":
        return set()
    return set().union(*({f"{path}{name}"} | given(inner, f"{path}{name}.") for name, inner in value.items()))


def test_all_that_the_operator_carries_can_be_said_and_nothing_else() -> None:
    (version,) = definition.committed()["spec"]["versions"]
    known = members(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    assert given(build(EVERYTHING)) == known


@pytest.mark.parametrize(
    "base", [pytest.param("s3://b/x", id="without a slash"), pytest.param("s3://b/x/", id="with a slash")]
)
def test_each_job_has_an_output_folder_of_its_own(base: str) -> None:
    assert spec.output_path(base, "name") == "s3://b/x/name/"
