"""Objects in a cluster are dropped from state only when EKS says that the cluster is gone."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.commands import recovery
from localcloud.commands.pulumi_cli import PulumiCli

ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/batch-workshop"
PULUMI = PulumiCli("pulumi", {"A": "b"})
CLUSTER = {"type": "aws:eks/cluster:Cluster", "outputs": {"arn": ARN}}
JOB = {"type": "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"}
KUBERNETES = {"type": "pulumi:providers:kubernetes", "inputs": {"clusterIdentifier": "batch-workshop"}}
AWS = {"type": "pulumi:providers:aws", "inputs": {"region": "eu-west-1"}}
ROLE = {"type": "aws:iam/role:Role", "outputs": {"arn": "arn:aws:iam::111122223333:role/batch-workshop-node"}}
DROPS = {"A": "b", "PULUMI_K8S_DELETE_UNREACHABLE": "true"}


@pytest.mark.parametrize(
    ("resources", "gone", "asked"),
    [
        pytest.param([CLUSTER, JOB], True, [ARN], id="the cluster is gone"),
        pytest.param([CLUSTER, JOB], False, [ARN], id="the cluster stands, or EKS was not reached"),
        pytest.param([CLUSTER], True, [], id="nothing was in it"),
        pytest.param([JOB], True, [], id="nothing says which cluster"),
        pytest.param([{**CLUSTER, "outputs": None}, JOB], True, [], id="the cluster was never made"),
        pytest.param([AWS, ROLE, KUBERNETES, JOB], True, [ARN], id="a refresh took it out of state"),
        pytest.param([AWS, ROLE, KUBERNETES, JOB], False, [ARN], id="a refresh took it out of state, and it is back"),
    ],
)
def test_objects_are_dropped_only_with_their_cluster(
    monkeypatch: pytest.MonkeyPatch, resources: list[dict[str, Any]], asked: list[str], *, gone: bool
) -> None:
    seen: list[str] = []

    def is_gone(_: PulumiCli, arn: str) -> bool:
        seen.append(arn)
        return gone

    monkeypatch.setattr("localcloud.commands.recovery.cluster._is_gone", is_gone)
    pulumi = recovery.without_a_cluster(PULUMI, resources)
    assert seen == asked
    assert pulumi.environment == (DROPS if gone and asked else {"A": "b"})
