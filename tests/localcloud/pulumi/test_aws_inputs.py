"""The inputs that the aws plugin accepts and refuses, and what each change means; no call to AWS is made."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest

from localcloud.pulumi.aws import parameters, sdk_schema
from localcloud.pulumi.aws.operation import Target
from localcloud.pulumi.aws.provider import AwsProvider
from localcloud.pulumi.aws.schema import SCHEMA_FILE, properties, schema
from localcloud.pulumi.aws.types import CATALOGUE
from localcloud.pulumi.wire import UNKNOWN, Asset, Urn

ENVIRONMENT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}
TRUST = '{"Version": "2012-10-17", "Statement": []}'
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
BUCKET = "aws:s3/bucket:Bucket"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
ROLE = "aws:iam/role:Role"
ROUTE = "aws:ec2/route:Route"
CLUSTER = "aws:eks/cluster:Cluster"
GROUP = "aws:eks/nodeGroup:NodeGroup"
MODEL = "aws:sagemaker/model:Model"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"


def provider(**settings: Any) -> AwsProvider:
    made = AwsProvider(ENVIRONMENT)
    made.configure(settings)
    return made


def target(token: str, name: str = "thing", seed: bytes = b"seed") -> Target:
    return Target(Urn("local", "p", token, name), "id", seed=seed)


def checked(token: str, inputs: dict[str, Any], **settings: Any) -> dict[str, Any]:
    result = provider(**settings).check(target(token), None, inputs)
    assert not result.failures
    return result.inputs


# The catalogue and the SDK's schema


def test_the_schema_is_that_of_the_installed_sdk() -> None:
    assert SCHEMA_FILE.read_text() == sdk_schema.dumps(sdk_schema.derive())


def test_every_type_of_the_schema_is_served() -> None:
    assert set(CATALOGUE) == set(schema()["resources"])


@pytest.mark.parametrize("token", [pytest.param(token, id=token.rsplit(":", 1)[-1]) for token in sorted(CATALOGUE)])
def test_a_type_names_only_properties_that_exist(token: str) -> None:
    kind, inputs = CATALOGUE[token], set(properties(token)["inputs"])
    assert kind.replaces | kind.documents | kind.unsupported | set(kind.defaults) | set(kind.volatile) <= inputs
    assert {path.split(".")[0] for path in kind.sets | kind.replace_paths} <= inputs
    assert {output for names in kind.volatile.values() for output in names} <= set(properties(token)["outputs"])
    assert not kind.unsupported & set(properties(token)["required"])
    assert bool(kind.tagger) == ("tags" in inputs)
    if kind.update is None:
        assert inputs - kind.unsupported - kind.replaces - set(kind.defaults) <= {"tags", "region", "timeouts"}


# Inputs

UNKNOWN_OR_MISTYPED = (UNKNOWN, 5, "text", [UNKNOWN], [5], [[]], {"a": UNKNOWN}, {"a": 5}, Asset(text="x"))


@pytest.mark.parametrize("token", [pytest.param(token, id=token.rsplit(":", 1)[-1]) for token in sorted(CATALOGUE)])
def test_an_input_that_is_unknown_or_has_a_wrong_type_never_breaks_a_check(token: str) -> None:
    aws, declared = provider(), properties(token)["inputs"]
    for name in declared:
        for value in UNKNOWN_OR_MISTYPED:
            failed = {
                f.property.split(".")[0].split("[")[0] for f in aws.check(target(token), None, {name: value}).failures
            }
            assert value is not UNKNOWN or name not in failed or name in CATALOGUE[token].unsupported
            assert value != 5 or name in failed or declared[name] in ("any", "string", "integer", "number")


@pytest.mark.parametrize(
    ("token", "inputs", "path", "reason"),
    [
        pytest.param(VPC, {"cidrBlock": "10.0.0.0/16", "cidr": "x"}, "cidr", "no property `cidr`", id="unknown"),
        pytest.param(VPC, {"cidrBlock": 5.5, "tags": []}, "tags", "must be an object, not a list", id="wrong type"),
        pytest.param(
            BUCKET, {"tags": "project=x"}, "tags", "must be an object, not a string", id="tags that are one text"
        ),
        pytest.param(LIFECYCLE, {"bucket": "b", "rules": []}, "rules", "needs `rules`", id="no rules"),
        pytest.param(
            VPC,
            {"cidrBlock": "10.0.0.0/16", "ipv6IpamPoolId": "x"},
            "ipv6IpamPoolId",
            "does not support",
            id="not here",
        ),
        pytest.param(VPC, {}, "cidrBlock", "needs a `cidrBlock`", id="vpc without a block"),
        pytest.param(SUBNET, {"cidrBlock": "10.0.0.0/24"}, "vpcId", "needs the property", id="required"),
        pytest.param(
            CLUSTER,
            {"roleArn": "r", "vpcConfig": {"subnetIds": ["s"], "subnets": []}},
            "vpcConfig.subnets",
            "has no property `subnets`",
            id="unknown deep inside",
        ),
        pytest.param(
            CLUSTER, {"roleArn": "r", "vpcConfig": {}}, "vpcConfig.subnetIds", "needs subnets", id="no subnets"
        ),
        pytest.param(BUCKET, {"bucket": "Capitals"}, "bucket", "is not a bucket name", id="bucket name"),
        pytest.param(MODEL, {"executionRoleArn": "r"}, "primaryContainer", "give either", id="model without container"),
        pytest.param(
            MODEL,
            {"executionRoleArn": "r", "primaryContainer": {"image": "i", "modelDataSource": {}}},
            "primaryContainer.modelDataSource",
            "batch transform refuses it too",
            id="model data source",
        ),
        pytest.param(
            MODEL,
            {"executionRoleArn": "r", "primaryContainer": {}, "name": "a_b"},
            "name",
            "not a model name",
            id="model name",
        ),
        pytest.param(ROUTE, {"routeTableId": "r", "gatewayId": "g"}, "destinationCidrBlock", "exactly one", id="route"),
        pytest.param(ROLE, {"assumeRolePolicy": "{"}, "assumeRolePolicy", "is not JSON", id="policy that is not JSON"),
        pytest.param(
            OBJECT, {"bucket": "b", "content": "x", "source": Asset(text="y")}, "content", "only one", id="two bodies"
        ),
        pytest.param(OBJECT, {"bucket": "b", "contentBase64": "!"}, "contentBase64", "not base64", id="base64"),
        pytest.param(
            GROUP,
            {"clusterName": "c", "nodeRoleArn": "r", "subnetIds": [], "scalingConfig": {"minSize": 1}},
            "scalingConfig.maxSize",
            "needs `maxSize`",
            id="node group sizes",
        ),
    ],
)
def test_bad_inputs_are_refused_by_name(token: str, inputs: dict[str, Any], path: str, reason: str) -> None:
    failures = {f.property: f.reason for f in provider().check(target(token), None, inputs).failures}
    assert reason in failures[path]


def test_unknown_inputs_pass_a_preview() -> None:
    inputs = {"vpcId": UNKNOWN, "cidrBlock": UNKNOWN, "tags": UNKNOWN, "availabilityZone": UNKNOWN}
    result = checked(SUBNET, inputs)
    assert result["tagsAll"] is UNKNOWN
    planned = provider().plan_create(target(SUBNET), result)
    assert planned["vpcId"] is UNKNOWN
    assert planned["arn"] is UNKNOWN
    assert planned["mapPublicIpOnLaunch"] is False


def test_text_is_converted_to_the_declared_type() -> None:
    result = checked(VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": "true", "tags": {"n": 5}})
    assert result["enableDnsHostnames"] is True
    assert result["tags"] == {"n": "5"}


def test_default_tags_are_under_the_programs() -> None:
    settings = {"defaultTags": json.dumps({"tags": {"stack": "local", "Name": "default"}})}
    result = checked(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"Name": "own"}}, **settings)
    assert result["tags"] == {"Name": "own"}
    assert result["tagsAll"] == {"Name": "own", "stack": "local"}


# Names


def test_a_name_is_made_kept_and_made_anew_for_a_replacement() -> None:
    first = checked(ROLE, {"assumeRolePolicy": TRUST})
    assert first["name"].startswith("thing-")
    assert len(first["name"]) == len("thing-") + 7
    again = provider().check(target(ROLE, seed=b"other"), first, {"assumeRolePolicy": TRUST}).inputs
    assert again == first
    fresh = provider().check(target(ROLE, seed=b"other"), None, {"assumeRolePolicy": TRUST}).inputs
    assert fresh["name"] != first["name"]


@pytest.mark.parametrize(
    ("token", "inputs", "name", "expected"),
    [
        pytest.param(BUCKET, {"bucketPrefix": "data-"}, "bucket", r"data-[0-9a-f]{7}", id="prefix"),
        pytest.param(BUCKET, {}, "bucket", r"thing-[0-9a-f]{7}", id="lower case"),
        pytest.param(ROLE, {"assumeRolePolicy": TRUST}, "name", r"Thing-[0-9a-f]{7}", id="as written"),
        pytest.param(OBJECT, {"bucket": "b"}, "key", r"Thing", id="the key of an object has no random part"),
    ],
)
def test_names_have_the_form_of_their_type(token: str, inputs: dict[str, Any], name: str, expected: str) -> None:
    made = provider().check(target(token, "Thing"), None, inputs).inputs[name]
    assert re.fullmatch(expected, made)


def test_a_long_name_is_cut_to_the_limit_of_its_type() -> None:
    made = provider().check(target(BUCKET, "x" * 100), None, {}).inputs["bucket"]
    assert len(made) == 63


# Differences


@pytest.mark.parametrize(
    ("token", "old", "new", "paths", "replaced", "first"),
    [
        pytest.param(VPC, {"cidrBlock": "a"}, {"cidrBlock": "b"}, {"cidrBlock"}, True, False, id="replaces"),
        pytest.param(
            VPC,
            {"enableDnsSupport": True},
            {"enableDnsSupport": False},
            {"enableDnsSupport"},
            False,
            False,
            id="in place",
        ),
        pytest.param(VPC, {"region": "us-east-1"}, {"region": "us-west-2"}, {"region"}, True, False, id="region"),
        pytest.param(
            BUCKET,
            {"bucket": "a", "region": "x"},
            {"bucket": "a", "region": "y"},
            {"region"},
            True,
            True,
            id="a fixed name goes first",
        ),
        pytest.param(
            BUCKET,
            {"bucket": "thing-0123abc", "region": "x"},
            {"bucket": "thing-0123abc", "region": "y"},
            {"region"},
            True,
            False,
            id="a generated name does not",
        ),
        pytest.param(ROLE, {"name": "a", "path": "/"}, {"name": "b", "path": "/"}, {"name"}, True, False, id="name"),
        pytest.param(
            ROLE,
            {"assumeRolePolicy": '{"Statement": [{"Action": "a"}]}'},
            {"assumeRolePolicy": '{"Statement":{"Action":["a"]}}'},
            set[str](),
            False,
            False,
            id="documents of one meaning",
        ),
        pytest.param(
            ENDPOINT, {"routeTableIds": ["a", "b"]}, {"routeTableIds": ["b", "a"]}, set[str](), False, False, id="sets"
        ),
        pytest.param(CLUSTER, {"version": "1.34"}, {}, set[str](), False, False, id="left to AWS later"),
        pytest.param(
            CLUSTER,
            {"accessConfig": {"bootstrapClusterCreatorAdminPermissions": True}},
            {"accessConfig": {"bootstrapClusterCreatorAdminPermissions": False}},
            {"accessConfig.bootstrapClusterCreatorAdminPermissions"},
            True,
            True,
            id="one member of an object replaces",
        ),
        pytest.param(
            MODEL,
            {"primaryContainer": {"image": "i", "environment": {}}},
            {"primaryContainer": {"image": "i"}},
            set[str](),
            False,
            False,
            id="an empty map is none",
        ),
        pytest.param(GROUP, {"labels": {"a": "1"}}, {"labels": {"a": "2"}}, {"labels.a"}, False, False, id="label"),
        pytest.param(
            OBJECT, {"source": Asset("1")}, {"source": Asset("2", text="x")}, {"source"}, False, False, id="content"
        ),
        pytest.param(
            OBJECT,
            {"source": Asset("1")},
            {"source": Asset("1", text="x")},
            set[str](),
            False,
            False,
            id="same content",
        ),
    ],
)
def test_what_a_change_means(
    token: str, old: dict[str, Any], new: dict[str, Any], paths: set[str], replaced: bool, first: bool
) -> None:
    difference = provider().diff(target(token), old, new, old)
    assert {change.path for change in difference.changes} == paths
    assert difference.replaces == replaced
    if replaced:
        assert difference.delete_before_replace == first


def test_an_update_of_content_makes_its_checksums_unknown() -> None:
    old = {"bucket": "b", "key": "k", "content": "1"}
    planned = provider().plan_update(target(OBJECT), old, {**old, "content": "2"}, {**old, "etag": "e", "arn": "a"})
    assert planned["etag"] is UNKNOWN
    assert planned["arn"] == "a"


# Parameters of calls


def operation(service: str, name: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


@pytest.mark.parametrize(
    ("service", "name", "sent", "message"),
    [
        pytest.param("eks", "DescribeCluster", {}, "name is missing", id="missing"),
        pytest.param("eks", "DescribeCluster", {"name": "c", "nam": 1}, "nam is not a parameter", id="unknown"),
        pytest.param("iam", "GetRole", {"RoleName": "a b"}, "does not match", id="pattern"),
        pytest.param("iam", "GetRole", {"RoleName": "a" * 65}, "at most 64", id="length"),
        pytest.param(
            "eks",
            "CreateAddon",
            {"clusterName": "c", "addonName": "a", "resolveConflicts": "X"},
            "must be one of OVERWRITE",
            id="enumeration",
        ),
        pytest.param(
            "iam",
            "CreateRole",
            {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "MaxSessionDuration": 5},
            "at least 3600",
            id="range",
        ),
        pytest.param("sagemaker", "CreateModel", {"ModelName": "-a"}, "does not match", id="pattern with anchors"),
    ],
)
def test_calls_that_aws_would_refuse_are_not_made(service: str, name: str, sent: dict[str, Any], message: str) -> None:
    with pytest.raises(parameters.ParameterError, match=message):
        parameters.check(operation(service, name), sent)


@pytest.mark.parametrize("service", ["eks", "iam", "s3", "sagemaker", "ec2", "sts"])
def test_nearly_every_pattern_of_a_service_can_be_checked(service: str) -> None:
    model: Any = botocore.session.get_session().get_service_model(service)
    patterns = {model.shape_for(n).metadata.get("pattern") for n in model.shape_names} - {None}
    refused = {p for p in patterns if parameters.compile_pattern(str(p)) is None}
    assert len(refused) <= len(patterns) // 50
