"""The stack's settings: the schema and the reader know the same keys, and all wrong values are reported together."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
import yaml
from botocore.session import get_session
from pulumi.runtime import config as runtime_config

from infra import settings
from tests.program.harness import PROJECT, ROOT, default_config, text

ADMIN = f"arn:aws:iam::{'1' * 12}:role/ci"
SCHEMA = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
TRANSFORM_TYPES: list[str] = get_session().get_service_data("sagemaker")["shapes"]["TransformInstanceType"]["enum"]


@pytest.fixture(autouse=True)
def in_the_programs_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(pulumi, "get_project", lambda: PROJECT)
    monkeypatch.setattr("pulumi.config.get_project", lambda: PROJECT)


def load(changes: Mapping[str, Any] | None = None, without: tuple[str, ...] = ()) -> settings.Settings:
    given = {key if ":" in key else f"{PROJECT}:{key}": text(value) for key, value in (changes or {}).items()}
    values = {**default_config(), **given}
    for key in without:
        del values[key if ":" in key else f"{PROJECT}:{key}"]
    runtime_config.set_all_config(values)
    return settings.load()


def refused(changes: Mapping[str, Any] | None = None, without: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(pulumi.RunError) as error:
        load(changes, without)
    heading, *problems = str(error.value).splitlines()
    assert heading.endswith("nothing was created.")
    return [problem.removeprefix("  - ") for problem in problems]


def test_the_defaults_are_a_working_stack() -> None:
    stack = load()
    assert (stack.prefix, stack.kubernetes_version, stack.allowed_cidrs) == (
        "batch-workshop",
        "1.35",
        ("127.0.0.1/32",),
    )
    assert (stack.chart_version, stack.results_expire_days, stack.rerun) == ("1.9.1", 7, {})


def test_each_key_of_the_schema_has_type_and_description() -> None:
    assert all({"type", "description"} <= declared.keys() for declared in SCHEMA.values())


def test_only_who_may_reach_the_cluster_has_no_default() -> None:
    assert [key for key, declared in SCHEMA.items() if "default" not in declared] == ["allowedCidrs"]


def test_reader_and_schema_know_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()

    class Asking(pulumi.Config):
        def get(self, key: str, default: Any = None) -> Any:
            if self.name == PROJECT:
                asked.add(key)
            return super().get(key, default)

    monkeypatch.setattr(pulumi, "Config", Asking)
    load()
    assert asked == SCHEMA.keys() | {"rerun"}  # a map, for which the schema has no type


@pytest.mark.parametrize("stack", [pytest.param("dev", id="dev"), pytest.param("local", id="local")])
def test_a_stacks_file_sets_keys_of_the_schema_only(stack: str) -> None:
    values = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert {key.removeprefix(f"{PROJECT}:") for key in values} <= SCHEMA.keys() | {"aws:region"}
    assert not any("secure" in str(value) for value in values.values())


def test_the_example_for_an_account_works_once_the_address_is_known() -> None:
    example = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    assert load({**example, "allowedCidrs": ["203.0.113.7/32"]}).region == "us-east-1"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("prefix", "Workshop", id="a prefix with capitals"),
        pytest.param("prefix", "w-", id="a prefix that ends with a hyphen"),
        pytest.param("prefix", "a--b", id="a prefix with two hyphens"),
        pytest.param("prefix", "w" * 25, id="a prefix that is too long"),
        pytest.param("kubernetesVersion", "1.34", id="a version that leaves standard support"),
        pytest.param("kubernetesVersion", "latest", id="a version that is none"),
        pytest.param("allowedCidrs", ["0.0.0.0/0"], id="everybody"),
        pytest.param("allowedCidrs", ["0.0.0.0/1", "128.0.0.0/1"], id="everybody in two halves"),
        pytest.param("allowedCidrs", [], id="nobody"),
        pytest.param("allowedCidrs", ["203.0.113.7"], id="an address without mask"),
        pytest.param("allowedCidrs", ["203.0.113.7/24"], id="host bits set"),
        pytest.param("allowedCidrs", ["::/0"], id="IPv6"),
        pytest.param("allowedCidrs", "203.0.113.7/32", id="a text for a list"),
        pytest.param("allowedCidrs", [7], id="a number for an address"),
        pytest.param("adminPrincipals", ["me"], id="a principal that is no ARN"),
        pytest.param("adminPrincipals", [ADMIN, ADMIN], id="a principal twice"),
        pytest.param("nodeInstanceType", "t3.micro", id="a node for four pods"),
        pytest.param("nodeInstanceType", "t4g.small", id="a node of another architecture"),
        pytest.param("nodeInstanceType", "ml.m5.large", id="a SageMaker type for a node"),
        pytest.param("operatorInstall", "none", id="an unknown way to install"),
        pytest.param("chartVersion", "v1.9.1", id="a chart version with v"),
        pytest.param("operatorChart", "sagemaker-chart", id="a folder that is not there"),
        pytest.param("operatorChart", "infra", id="a folder that holds no chart"),
        pytest.param("operatorChart", "oci://mirror.example.com", id="a registry without a chart"),
        pytest.param("operatorChart", "https://mirror.example.com/chart", id="a chart by https"),
        pytest.param("maxConcurrentSyncs", 0, id="no workers"),
        pytest.param("maxConcurrentSyncs", "many", id="a text for a number"),
        pytest.param("maxConcurrentSyncs", "9" * 5000, id="a number of more digits than Python reads"),
        pytest.param("chartVersion", "1.٩.1", id="a version in Arabic digits"),
        pytest.param("modelImage", "xgboost:latest", id="an image without registry"),
        pytest.param("modelImage", f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own", id="an image without tag"),
        pytest.param("batchInput", "", id="no input"),
        pytest.param("transformInstanceType", "ml.t3.medium", id="a type that batch transform has not"),
        pytest.param("transformInstanceType", "ml.m5.xlarge", id="a type that is not allowed here"),
        pytest.param("allowedTransformInstanceTypes", [], id="no type allowed"),
        pytest.param("inputBuckets", ["s3://b"], id="a URI for a bucket"),
        pytest.param("outputBuckets", ["B"], id="a bucket with capitals"),
        pytest.param("kmsKeys", ["alias/key"], id="an alias for a key"),
        pytest.param("resultsExpireDays", 0, id="results that expire at once"),
        pytest.param("jobTimeoutMinutes", 1441, id="a wait of more than a day"),
        pytest.param("rerun", [1], id="a list for a map"),
        pytest.param("rerun", {"churn": {"a": 1}}, id="a map in the map"),
        pytest.param("aws:region", "mars", id="a region that is none"),
        pytest.param("modelArchive", "nowhere.tar.gz", id="an archive that is not there"),
    ],
)
def test_a_value_is_refused_with_what_is_allowed(key: str, value: Any) -> None:
    problems = refused({key: value})
    assert problems
    assert any(problem.startswith(f"{key}: ") for problem in problems) or key == "allowedTransformInstanceTypes"
    assert all("llowed" in problem for problem in problems)


def test_a_missing_address_is_reported() -> None:
    (problem,) = refused(without=("allowedCidrs",))
    assert problem.startswith("allowedCidrs: has no value. Allowed: a list of at least one IPv4 range")


def test_a_missing_region_is_reported() -> None:
    (problem,) = refused(without=("aws:region",))
    assert problem.startswith("aws:region: has no value.")


def test_a_profile_in_the_config_is_refused_because_kubectl_would_not_read_it() -> None:
    (problem,) = refused({"aws:profile": "me"})
    assert "AWS_PROFILE in the environment" in problem


def test_everything_wrong_is_one_message() -> None:
    problems = refused({"prefix": "X", "allowedCidrs": [], "resultsExpireDays": -1, "modelArchive": "gone"})
    assert [problem.split(":")[0] for problem in problems] == [
        "prefix",
        "allowedCidrs",
        "resultsExpireDays",
        "modelArchive",
    ]


def test_rerun_takes_numbers_and_words() -> None:
    assert load({"rerun": {"churn": 2, "other": "again"}}).rerun == {"churn": "2", "other": "again"}


def test_every_instance_type_of_batch_transform_may_be_set() -> None:
    changes = {"transformInstanceType": TRANSFORM_TYPES[-1], "allowedTransformInstanceTypes": TRANSFORM_TYPES}
    assert load(changes).allowed_transform_instance_types == tuple(TRANSFORM_TYPES)


def test_an_own_image_may_come_by_digest() -> None:
    image = f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/own@sha256:{'a' * 64}"
    assert load({"modelImage": image}).model_image == image


def test_paths_are_the_programs() -> None:
    assert load().model_archive == "model/model.tar.gz"


@pytest.mark.parametrize(
    "chart",
    [
        pytest.param("oci://public.ecr.aws/aws-controllers-k8s/sagemaker-chart", id="ACK's"),
        pytest.param("oci://mirror.example.com:5000/charts/sagemaker-chart", id="a mirror"),
        pytest.param("localcloud/operator/chart", id="a folder"),
    ],
)
def test_the_operators_chart_may_be(chart: str) -> None:
    assert load({"operatorChart": chart}).operator_chart == chart
