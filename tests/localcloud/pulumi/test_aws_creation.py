"""A creation that fails halfway: the engine learns what was created, and keeps it in the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.pulumi.aws.endpoint import AwsError, Endpoint
from localcloud.pulumi.aws.parameters import ParameterError
from localcloud.pulumi.errors import CancelledError, InitializationError, PluginError
from tests.localcloud.pulumi.test_aws_inputs import BUCKET, ROLE, TRUST, VPC, checked, provider, target

GATEWAY = "aws:ec2/internetGateway:InternetGateway"
SUBNET = "aws:ec2/subnet:Subnet"
TABLE = "aws:ec2/routeTable:RouteTable"
ANSWERS: dict[str, Any] = {
    "CreateVpc": {"Vpc": {"VpcId": "vpc-1"}},
    "DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-1", "State": "available"}]},
    "CreateSubnet": {"Subnet": {"SubnetId": "subnet-1"}},
    "DescribeSubnets": {"Subnets": [{"SubnetId": "subnet-1", "State": "available"}]},
    "CreateInternetGateway": {"InternetGateway": {"InternetGatewayId": "igw-1"}},
    "CreateRouteTable": {"RouteTable": {"RouteTableId": "rtb-1"}},
}


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Operations that the endpoint refuses, beside those that only look; others it answers as above, or with nothing."""
    refused: list[str] = []

    def call(
        _: Endpoint, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None
    ) -> Any:
        del service, parameters, region
        if operation in refused or (operation.startswith(("Describe", "Get", "Head")) and operation not in ANSWERS):
            raise AwsError(operation, "AccessDenied", "not authorized", 403)
        return ANSWERS.get(operation, {})

    monkeypatch.setattr(Endpoint, "call", call)
    return refused


@pytest.mark.parametrize(
    ("token", "inputs", "refused", "identity"),
    [
        pytest.param(BUCKET, {"bucket": "data"}, "HeadBucket", "data", id="it cannot be read"),
        pytest.param(BUCKET, {"bucket": "data", "tags": {"a": "b"}}, "PutBucketTagging", "data", id="nor tagged"),
        pytest.param(
            VPC,
            {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True},
            "ModifyVpcAttribute",
            "vpc-1",
            id="an attribute cannot be set",
        ),
        pytest.param(
            SUBNET,
            {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24", "mapPublicIpOnLaunch": True},
            "ModifySubnetAttribute",
            "subnet-1",
            id="a switch cannot be set",
        ),
        pytest.param(GATEWAY, {"vpcId": "vpc-1"}, "AttachInternetGateway", "igw-1", id="it cannot be attached"),
        pytest.param(
            TABLE,
            {"vpcId": "vpc-1", "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]},
            "CreateRoute",
            "rtb-1",
            id="a route of its own cannot be made",
        ),
        pytest.param(
            ROLE,
            {"name": "r", "assumeRolePolicy": TRUST, "managedPolicyArns": ["arn:aws:iam::aws:policy/x"]},
            "AttachRolePolicy",
            "r",
            id="a policy cannot be attached",
        ),
    ],
)
def test_what_was_made_is_kept(
    refusing: list[str], token: str, inputs: dict[str, Any], refused: str, identity: str
) -> None:
    refusing.append(refused)
    given = checked(token, inputs)
    with pytest.raises(InitializationError) as error:
        provider().create(target(token), given)
    assert error.value.identity == identity
    assert refused in str(error.value)
    assert {name: error.value.outputs[name] for name in inputs if name != "tags"}.keys() <= given.keys()


def test_what_was_made_is_kept_when_a_later_call_has_a_wrong_parameter(
    refusing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Endpoint.call

    def call(endpoint: Endpoint, service: str, operation: str, *rest: Any) -> Any:
        if operation == "PutRolePolicy":
            raise ParameterError("PutRolePolicy: PutRolePolicy.PolicyName is 'a b', which does not match [\\w+=,.@-]+")
        return answers(endpoint, service, operation, *rest)

    monkeypatch.setattr(Endpoint, "call", call)
    given = {"name": "r", "assumeRolePolicy": TRUST, "inlinePolicies": [{"name": "a b", "policy": TRUST}]}
    with pytest.raises(InitializationError, match=r"creating aws:iam/role:Role thing .*PolicyName is 'a b'") as error:
        provider().create(target(ROLE), checked(ROLE, given))
    assert error.value.identity == "r"
    assert refusing == []


def test_what_was_not_made_is_not_kept(refusing: list[str]) -> None:
    refusing.append("CreateVpc")
    with pytest.raises(PluginError, match="CreateVpc: AccessDenied") as error:
        provider().create(target(VPC), checked(VPC, {"cidrBlock": "10.0.0.0/16"}))
    assert not isinstance(error.value, InitializationError)


def test_a_second_ctrl_c_does_not_lose_what_was_made(refusing: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pending = {"Vpcs": [{"VpcId": "vpc-1", "State": "pending"}]}
    monkeypatch.setitem(ANSWERS, "DescribeVpcs", pending)
    aws = provider()
    aws.stop.set()
    with pytest.raises(InitializationError) as error:
        aws.create(target(VPC), checked(VPC, {"cidrBlock": "10.0.0.0/16"}))
    assert error.value.identity == "vpc-1"
    assert refusing == []


def test_a_creation_that_is_stopped_before_it_made_anything_is_cancelled(
    refusing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> Any:
        raise CancelledError("stopped on request")

    monkeypatch.setattr(Endpoint, "call", stopped)
    with pytest.raises(CancelledError):
        provider().create(target(VPC), checked(VPC, {"cidrBlock": "10.0.0.0/16"}))
    assert refusing == []
