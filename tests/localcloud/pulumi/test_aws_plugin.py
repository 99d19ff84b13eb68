"""The aws plugin's answers to an engine: settings, stacks, errors, secrets, functions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from localcloud.pulumi.aws.operation import Target
from localcloud.pulumi.aws.provider import AwsProvider
from localcloud.pulumi.errors import NotRegisteredError, PluginError
from localcloud.pulumi.server import require_registered
from localcloud.pulumi.wire import Urn, decode, encode
from tests.localcloud.pulumi.engine import Failed, Plugin, urn
from tests.localcloud.pulumi.world import ROLE, VPC, trust

ENVIRONMENT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        pytest.param({}, "AWS_ENDPOINT_URL is not set", id="no endpoint"),
        pytest.param({"AWS_ENDPOINT_URL": "https://sts.amazonaws.com"}, "talks to 127.0.0.1 only", id="AWS"),
        pytest.param({"AWS_ENDPOINT_URL": "http://127.0.0.1.example.com"}, "talks to 127.0.0.1 only", id="look-alike"),
    ],
)
def test_the_plugin_talks_to_this_machine_only(environment: dict[str, str], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        AwsProvider({"AWS_REGION": "us-east-1", **environment}).configure({})


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        pytest.param({"regoin": "x"}, "regoin", id="misspelt"),
        pytest.param({"defaultTags": '{"tags": {'}, "defaultTags", id="no JSON"),
        pytest.param({"maxRetries": "many"}, "maxRetries", id="no number"),
        pytest.param({"profile": "work"}, "profile", id="profile"),
        pytest.param({"assumeRoles": "[]"}, "assumeRoles", id="another role"),
        pytest.param({"defaultTags": '{"tag": {}}'}, "defaultTags.tag", id="misspelt deep inside"),
    ],
)
def test_settings_are_refused_by_name(settings: dict[str, Any], path: str) -> None:
    assert [f.property for f in AwsProvider(ENVIRONMENT).check_config(settings).failures] == [path]


def test_settings_that_are_not_text_arrive_as_json() -> None:
    settings = {"maxRetries": "5", "s3UsePathStyle": "true", "defaultTags": '{"tags": {"a": "b"}}', "region": "true"}
    assert not AwsProvider(ENVIRONMENT).check_config(settings).failures


def test_another_region_means_other_objects() -> None:
    assert AwsProvider(ENVIRONMENT).diff_config({"region": "us-east-1"}, {"region": "us-west-2"}).replaces
    assert (
        not AwsProvider(ENVIRONMENT)
        .diff_config({"region": "a"}, {"region": "a", "defaultTags": '{"tags":{}}'})
        .replaces
    )


def test_a_stack_that_is_not_registered_is_refused(aws: Plugin) -> None:
    with pytest.raises(Failed, match=r"dev is not registered with the running local cloud.*make up STACK=dev"):
        aws.check(VPC, "x", {"cidrBlock": "10.0.0.0/16"}, stack="dev")


def test_without_a_local_cloud_the_stack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALCLOUD_HOME", str(tmp_path))
    with pytest.raises(NotRegisteredError, match=r"no local cloud is running .* run `make up`"):
        require_registered(Urn.parse(urn(VPC, "x")))


def test_a_type_that_does_not_exist_is_refused_by_name(aws: Plugin) -> None:
    with pytest.raises(Failed, match="no resource type aws:dynamodb/table:Table"):
        aws.check("aws:dynamodb/table:Table", "x", {})
    with pytest.raises(Failed, match="no function aws:ec2/getAmi:getAmi"):
        aws.invoke("aws:ec2/getAmi:getAmi", {})


def test_an_endpoint_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = list[float]()
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=pauses.append))
    aws = AwsProvider(ENVIRONMENT)
    aws.configure({"accessKey": "key", "secretKey": "secret"})
    with pytest.raises(PluginError, match=r"CreateVpc: Could not connect .*is the local cloud running"):
        aws.create(Target(Urn.parse(urn(VPC, "x"))), {"cidrBlock": "10.0.0.0/16"})
    assert pauses  # it has been tried again


def test_an_error_of_aws_is_one_line_about_the_resource(aws: Plugin) -> None:
    with pytest.raises(Failed) as failure:
        aws.create(VPC, "wrong", {"cidrBlock": "10.0.0.0/8"})
    text = str(failure.value)
    assert text.startswith("creating aws:ec2/vpc:Vpc wrong: CreateVpc: InvalidVpc")
    assert "\n" not in text


def test_secrets_stay_secret(aws: Plugin) -> None:
    inputs = encode({"assumeRolePolicy": trust("ec2.amazonaws.com"), "description": "hidden"}, {"description"})
    request = provider_pb2.CheckRequest(urn=urn(ROLE, "x"), news=inputs, randomSeed=b"1")
    assert decode(aws.call("Check", request).inputs).secrets == {"description"}


def test_functions_know_the_account_its_zones_and_the_images_of_aws(aws: Plugin) -> None:
    assert aws.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})[0]["accountId"] == "123456789012"
    assert aws.invoke("aws:index/getPartition:getPartition", {})[0]["dnsSuffix"] == "amazonaws.com"
    zones = aws.invoke(
        "aws:index/getAvailabilityZones:getAvailabilityZones", {"excludeZoneIds": ["use1-az1"], "state": "available"}
    )[0]
    assert zones["names"] == sorted(zones["names"])
    assert "use1-az1" not in zones["zoneIds"]
    image = {"repositoryName": "sagemaker-xgboost", "imageTag": "3.0-5"}
    path = aws.invoke("aws:sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage", image)[0]["registryPath"]
    assert path == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


@pytest.mark.parametrize(
    ("token", "arguments", "reason"),
    [
        pytest.param("aws:index/getPartition:getPartition", {"nme": "x"}, "no argument `nme`", id="misspelt argument"),
        pytest.param(
            "aws:sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage",
            {"repositoryName": "blazingtext"},
            "knows the images",
            id="image",
        ),
    ],
)
def test_functions_refuse_by_name(aws: Plugin, token: str, arguments: dict[str, Any], reason: str) -> None:
    result, failures = aws.invoke(token, arguments)
    assert result == {}
    assert any(reason in text for text in failures.values())
