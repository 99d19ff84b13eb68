"""The ids of objects whose creation was interrupted, looked up in a pretended AWS, which is moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from localcloud.commands.recovery import objects
from localcloud.pulumi.aws.types import CATALOGUE

TAGS = {"project": "workshop", "stack": "dev", "Name": "w", "cost_center": "1"}
ACCOUNT = "123456789012"
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="us-east-1")  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType, reportUnknownLambdaType] boto3 has no types


def specification(kind: str, tags: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags}]


@pytest.mark.parametrize(
    ("kind", "inputs", "identifier"),
    [
        pytest.param("aws:s3/bucket:Bucket", {"bucket": "b-1"}, "b-1", id="bucket"),
        pytest.param("aws:iam/role:Role", {"name": "r"}, "r", id="role"),
        pytest.param("aws:sagemaker/model:Model", {"name": "m"}, "m", id="model"),
        pytest.param("aws:eks/cluster:Cluster", {"name": "c"}, "c", id="cluster"),
        pytest.param("aws:eks/nodeGroup:NodeGroup", {"clusterName": "c", "nodeGroupName": "n"}, "c:n", id="node group"),
        pytest.param("aws:eks/addon:Addon", {"clusterName": "c", "addonName": "a"}, "c:a", id="add-on"),
        pytest.param(
            "aws:eks/capability:Capability", {"clusterName": "c", "capabilityName": "ack"}, "c,ack", id="capability"
        ),
        pytest.param("aws:iam/rolePolicy:RolePolicy", {"role": "r", "name": "p"}, "r:p", id="inline policy"),
        pytest.param(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "r", "policyArn": "arn:aws:iam::aws:policy/P"},
            "r/arn:aws:iam::aws:policy/P",
            id="attached policy",
        ),
        pytest.param(
            "aws:iam/policy:Policy", {"name": "p", "path": "/w/"}, f"arn:aws:iam::{ACCOUNT}:policy/w/p", id="policy"
        ),
        pytest.param(
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "https://issuer.example/x"},
            f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example/x",
            id="OpenID Connect provider",
        ),
        pytest.param("aws:scheduler/scheduleGroup:ScheduleGroup", {"name": "g"}, "g", id="schedule group"),
        pytest.param("aws:scheduler/schedule:Schedule", {"groupName": "g", "name": "s"}, "g/s", id="schedule"),
        pytest.param("aws:scheduler/schedule:Schedule", {"name": "s"}, "default/s", id="schedule of no group"),
        pytest.param("aws:cloudwatch/eventRule:EventRule", {"name": "r"}, "r", id="rule"),
        pytest.param(
            "aws:cloudwatch/eventRule:EventRule", {"name": "r", "eventBusName": "b"}, "b/r", id="rule of a bus"
        ),
        pytest.param("aws:cloudwatch/eventTarget:EventTarget", {"rule": "r", "targetId": "t"}, "r-t", id="target"),
        pytest.param(
            "aws:cloudwatch/eventTarget:EventTarget",
            {"rule": "r", "targetId": "t", "eventBusName": "b"},
            "b-r-t",
            id="target of a bus",
        ),
        pytest.param("aws:sns/topic:Topic", {"name": "t"}, f"arn:aws:sns:us-east-1:{ACCOUNT}:t", id="topic"),
        pytest.param(
            "kubernetes:helm.sh/v3:Release", {"name": "ack", "namespace": "ack-system"}, "ack-system/ack", id="release"
        ),
        pytest.param(
            "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob",
            {"metadata": {"name": "j", "namespace": "default"}},
            "default/j",
            id="transform job",
        ),
    ],
)
def test_a_planned_name_is_the_id(
    connect: Callable[[str], Any], kind: str, inputs: dict[str, Any], identifier: str
) -> None:
    assert objects.identify(kind, inputs, connect) == identifier


def test_a_creation_that_may_be_repeated_needs_no_id(connect: Callable[[str], Any]) -> None:
    assert objects.identify("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "b"}, connect) is None


def test_a_vpc_is_found_by_all_of_its_tags(connect: Callable[[str], Any]) -> None:
    ec2 = connect("ec2")
    other = specification("vpc", [*TAG_LIST[:2], {"Key": "Name", "Value": "other"}])
    ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=other)
    inputs = {"cidrBlock": "10.0.0.0/16", "tagsAll": TAGS}
    assert objects.identify("aws:ec2/vpc:Vpc", inputs, connect) is None
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification("vpc", TAG_LIST))["Vpc"]["VpcId"]
    assert objects.identify("aws:ec2/vpc:Vpc", inputs, connect) == made


def test_two_that_fit_are_nobodys_choice(connect: Callable[[str], Any]) -> None:
    for _ in range(2):
        connect("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification("vpc", TAG_LIST))
    assert objects.identify("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16", "tagsAll": TAGS}, connect) is None


def test_what_carries_no_tags_is_not_searched_for(connect: Callable[[str], Any]) -> None:
    connect("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    assert objects.identify("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, connect) is None


def test_parts_of_a_network_are_found(connect: Callable[[str], Any]) -> None:
    ec2 = connect("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=specification("subnet", TAG_LIST))[
        "Subnet"
    ]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=specification("route-table", TAG_LIST))["RouteTable"][
        "RouteTableId"
    ]
    gateway = ec2.create_internet_gateway(TagSpecifications=specification("internet-gateway", TAG_LIST))[
        "InternetGateway"
    ]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    tagged = {"vpcId": vpc, "tagsAll": TAGS}
    assert objects.identify("aws:ec2/subnet:Subnet", tagged | {"cidrBlock": "10.0.0.0/24"}, connect) == subnet
    assert objects.identify("aws:ec2/routeTable:RouteTable", tagged, connect) == table
    assert objects.identify("aws:ec2/internetGateway:InternetGateway", tagged, connect) == gateway

    route = {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0"}
    assert objects.identify("aws:ec2/route:Route", route, connect) is None
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert objects.identify("aws:ec2/route:Route", route, connect) == f"r-{table}1080289494"

    association = {"routeTableId": table, "subnetId": subnet}
    kind = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    assert objects.identify(kind, association, connect) is None
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert objects.identify(kind, association, connect) == made


def test_a_route_table_is_found_by_its_gateway(connect: Callable[[str], Any]) -> None:
    ec2 = connect("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    made = ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)["AssociationId"]
    association = {"routeTableId": table, "gatewayId": gateway}
    assert objects.identify("aws:ec2/routeTableAssociation:RouteTableAssociation", association, connect) == made


def test_a_queue_is_found_by_its_name(connect: Callable[[str], Any]) -> None:
    assert objects.identify("aws:sqs/queue:Queue", {"name": "q"}, connect) is None
    url = connect("sqs").create_queue(QueueName="q")["QueueUrl"]
    assert objects.identify("aws:sqs/queue:Queue", {"name": "q"}, connect) == url


@pytest.mark.parametrize("end", ["ACTIVE", "DEGRADED", "CREATE_FAILED"])
def test_a_capability_is_waited_for_until_it_is_made_or_failed(
    connect: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    eks, pauses = connect("eks"), list[float]()
    monkeypatch.setattr("botocore.waiter.time", SimpleNamespace(sleep=pauses.append))
    inputs = {"clusterName": "c", "capabilityName": "ack"}
    with Stubber(eks) as answers:
        for status in ("CREATING", end):
            answers.add_response("describe_capability", {"capability": {"status": status}}, inputs)
        objects.await_made("aws:eks/capability:Capability", inputs, lambda _: eks)
        answers.assert_no_pending_responses()
    assert pauses == [5]


CLUSTER = {"name": "batch-workshop"}


@pytest.mark.parametrize("kind", ["cluster", "nodegroup", "addon", "capability"])
def test_what_eks_is_deleting_is_waited_for_until_it_is_gone(
    connect: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    token, inputs, call = DELETED_BY_EKS[kind]
    eks, pauses = connect("eks"), list[float]()
    monkeypatch.setattr("botocore.waiter.time", SimpleNamespace(sleep=pauses.append))
    with Stubber(eks) as answers:
        for _ in range(2):
            answers.add_response(f"describe_{kind}", {kind: {"status": "DELETING"}}, call)
        answers.add_client_error(f"describe_{kind}", "ResourceNotFoundException", expected_params=call)
        objects.await_gone(token, inputs, lambda _: eks)
        answers.assert_no_pending_responses()
    assert pauses == [5]


DELETED_BY_EKS = {
    "cluster": ("aws:eks/cluster:Cluster", CLUSTER, CLUSTER),
    "nodegroup": (
        "aws:eks/nodeGroup:NodeGroup",
        {"clusterName": "c", "nodeGroupName": "n"},
        {"clusterName": "c", "nodegroupName": "n"},
    ),
    "addon": ("aws:eks/addon:Addon", *[{"clusterName": "c", "addonName": "a"}] * 2),
    "capability": ("aws:eks/capability:Capability", *[{"clusterName": "c", "capabilityName": "k"}] * 2),
}


def test_a_cluster_whose_deletion_never_reached_eks_is_not_waited_for(connect: Callable[[str], Any]) -> None:
    eks = connect("eks")
    with Stubber(eks) as answers:
        answers.add_response("describe_cluster", {"cluster": {"status": "ACTIVE"}}, CLUSTER)
        objects.await_gone("aws:eks/cluster:Cluster", CLUSTER, lambda _: eks)
        answers.assert_no_pending_responses()


def test_what_is_deleted_at_once_is_not_waited_for() -> None:
    def no_client(service: str) -> Any:
        raise AssertionError(service)

    objects.await_gone("aws:s3/bucket:Bucket", {"bucket": "b"}, no_client)


def test_every_type_of_the_local_plugin_is_known() -> None:
    assert CATALOGUE.keys() <= objects.KNOWN
