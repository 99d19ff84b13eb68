"""A stack whose operator EKS runs has a control plane, and nothing that a node would need."""

import json
from collections import Counter

import pytest

from tests.program.harness import ACCOUNT, Graph, deploy
from tests.program.test_graph import JOB, PATCH

CAPABILITY = "aws:eks/capability:Capability"


@pytest.fixture(scope="module")
def graph() -> Graph:
    found = deploy(config={"operatorInstall": "capability"})
    assert found.error is None
    return found


def test_a_capability_takes_the_place_of_nodes_release_and_ways_out(graph: Graph) -> None:
    changed = Counter(found.type for found in graph.resources.values())
    changed.subtract(found.type for found in deploy().resources.values())
    assert +changed == {CAPABILITY: 1}
    assert -changed == {
        "eks:index:ManagedNodeGroup": 1,
        "aws:eks/addon:Addon": 1,
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": 1,
        "kubernetes:helm.sh/v3:Release": 1,
        "aws:iam/role:Role": 1,
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 3,
        "aws:ec2/internetGateway:InternetGateway": 1,
        "aws:ec2/routeTable:RouteTable": 1,
        "aws:ec2/route:Route": 1,
        "aws:ec2/routeTableAssociation:RouteTableAssociation": 2,
        "aws:ec2/vpcEndpoint:VpcEndpoint": 1,
    }


def test_the_capability_acts_with_the_operators_role(graph: Graph) -> None:
    capability = graph.one(CAPABILITY).inputs
    assert {key: capability[key] for key in ("capabilityName", "clusterName", "type", "deletePropagationPolicy")} == {
        "capabilityName": "ack",
        "clusterName": "batch-workshop",
        "type": "ACK",
        "deletePropagationPolicy": "RETAIN",
    }
    assert capability["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/batch-workshop-operator"
    trust = json.loads(graph.one("aws:iam/role:Role", "batch-workshop-operator").inputs["assumeRolePolicy"])
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": "capabilities.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_the_control_plane_has_no_add_ons_for_nodes(graph: Graph) -> None:
    cluster = graph.one("eks:index:Cluster").inputs
    assert cluster["bootstrapSelfManagedAddons"] is False
    assert cluster["kubeProxyAddonOptions"]["enabled"] is False
    assert cluster["useDefaultVpcCni"] is True
    assert cluster["authenticationMode"] == "API"


def test_jobs_and_names_go_before_the_capability_and_that_before_the_cluster_and_its_role(graph: Graph) -> None:
    capability = graph.one(CAPABILITY)
    assert graph.outlives(capability, graph.one(JOB))
    assert graph.outlives(capability, graph.one(PATCH))
    assert graph.outlives(graph.one("eks:index:Cluster"), capability)
    assert graph.outlives(graph.one("aws:iam/rolePolicy:RolePolicy", "batch-workshop-operator"), capability)


def test_subnets_without_a_way_out_give_no_public_addresses(graph: Graph) -> None:
    subnets = graph.all("aws:ec2/subnet:Subnet")
    assert {subnet.name for subnet in subnets} == {"batch-workshop-private-0", "batch-workshop-private-1"}
    assert not any(subnet.inputs["mapPublicIpOnLaunch"] for subnet in subnets)
