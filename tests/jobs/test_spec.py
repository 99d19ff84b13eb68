"""The spec that the operator gets, in ACK's spelling, and the wait, which ends at every end of a job and at nothing else."""

import re
from dataclasses import replace
from typing import Any

import jsonpath
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


def test_the_arguments_cover_exactly_the_fields_of_the_operator() -> None:
    (version,) = definition.committed()["spec"]["versions"]
    known = members(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    assert given(build(EVERYTHING)) == known


@pytest.mark.parametrize(
    "base", [pytest.param("s3://b/x", id="without a slash"), pytest.param("s3://b/x/", id="with a slash")]
)
def test_each_job_has_an_output_folder_of_its_own(base: str) -> None:
    assert spec.output_path(base, "name") == "s3://b/x/name/"


PATTERN = re.fullmatch(r"jsonpath=\{(.*)\}", spec.wait_expression())


def matches(status: dict[str, Any] | None) -> bool:
    """The provider evaluates from the object; `$` may be left out there, and `[?...]` looks at each member."""
    assert PATTERN is not None
    found = {"spec": {}, **({} if status is None else {"status": status})}
    return bool(jsonpath.findall("$" + PATTERN[1], found))


def condition(type_: str, message: str | None = None, status: str = "True") -> dict[str, Any]:
    made = {"type": type_, "status": status}
    return {"conditions": [made if message is None else {**made, "message": message}]}


def over_quota(*, limit: int, used: int, asked: int) -> dict[str, Any]:
    """What the operator writes of a job beyond the quota, in the words of public reports."""
    return condition(
        "ACK.Recoverable",
        "operation error SageMaker: CreateTransformJob, https response error StatusCode: 400, RequestID: 1-2, "
        "ResourceLimitExceeded: The account-level service limit 'ml.m5.large for transform job usage' is "
        f"{limit} Instances, with current utilization of {used} Instances and a request delta of {asked} Instances. "
        "Please use AWS Service Quotas to request an increase for this quota.",
    )


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"transformJobStatus": "Completed"}, id="Completed"),
        pytest.param({"transformJobStatus": "Failed", "failureReason": "x"}, id="Failed"),
        pytest.param({"transformJobStatus": "Stopped"}, id="Stopped"),
        pytest.param(condition("ACK.Terminal", "Resource already exists"), id="Terminal"),
        pytest.param(condition("ACK.Terminal"), id="Terminal without a message"),
        pytest.param(condition("ACK.Recoverable", "ValidationException: Could not find model"), id="no such model"),
        pytest.param(over_quota(limit=0, used=0, asked=1), id="a quota of 0"),
        pytest.param(over_quota(limit=2, used=0, asked=3), id="a job larger than the whole quota"),
        pytest.param(condition("ACK.Recoverable", "api error AccessDeniedException: no"), id="permission"),
    ],
)
def test_it_ends_on(status: dict[str, Any]) -> None:
    assert matches(status)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="no status"),
        pytest.param({}, id="an empty status"),
        pytest.param({"transformJobStatus": "InProgress"}, id="InProgress"),
        pytest.param({"transformJobStatus": "Stopping"}, id="Stopping"),
        pytest.param(
            {"transformJobStatus": "InProgress", "failureReason": "Completed"}, id="a reason that reads Completed"
        ),
        pytest.param(condition("ACK.Terminal", "x", status="False"), id="Terminal that is over"),
        pytest.param(condition("ACK.Recoverable", "ThrottlingException: Rate exceeded"), id="throttling"),
        pytest.param(over_quota(limit=1, used=1, asked=1), id="a quota of 1 that another job uses"),
        pytest.param(over_quota(limit=10, used=10, asked=1), id="a quota that ends in 0"),
        pytest.param(over_quota(limit=20, used=10, asked=11), id="a use that ends in 0"),
        pytest.param(condition("ACK.Recoverable"), id="Recoverable without a message"),
        pytest.param(
            condition("ACK.Recoverable", "ValidationException", status="False"), id="Recoverable that is over"
        ),
        pytest.param(condition("ACK.ResourceSynced", "ValidationException"), id="another condition"),
    ],
)
def test_it_waits_on(status: dict[str, Any] | None) -> None:
    assert not matches(status)


def test_it_is_written_as_the_provider_reads_it() -> None:
    expression = spec.wait_expression()
    assert expression.startswith("jsonpath={[?")
    assert expression.endswith("]}")
    assert "}" not in expression[:-1]
    assert not re.search(r"!=|<=|>=", expression)
    assert "@.message && search(@.message" in expression
    assert not re.search(r"(?<![=])=(?![=])", expression.removeprefix("jsonpath="))
