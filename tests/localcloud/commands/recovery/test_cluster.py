"""Objects in a cluster are dropped from state only when EKS says that the cluster is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.commands import recovery
from localcloud.commands.pulumi_cli import PulumiCli

ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/batch-workshop"
CLUSTER = {"urn": "cluster", "type": "aws:eks/cluster:Cluster", "outputs": {"arn": ARN}}
JOB = {"urn": "job", "type": "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"}
KUBERNETES = {
    "urn": "provider",
    "type": "pulumi:providers:kubernetes",
    "inputs": {"clusterIdentifier": "batch-workshop"},
}
AWS = {"urn": "aws", "type": "pulumi:providers:aws", "inputs": {"region": "eu-west-1"}}
ROLE = {
    "urn": "role",
    "type": "aws:iam/role:Role",
    "outputs": {"arn": "arn:aws:iam::111122223333:role/batch-workshop-node"},
}


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resources: list[dict[str, Any]], asked: list[str], *, gone: bool
) -> None:
    seen: list[str] = []

    def is_gone(_: PulumiCli, arn: str) -> bool:
        seen.append(arn)
        return gone

    monkeypatch.setattr("localcloud.commands.recovery.deployment._is_gone", is_gone)
    recovery.let_objects_go(cli(tmp_path, resources), "dev", resources)
    assert seen == asked
    imported = tmp_path / "imported.json"
    if not (gone and asked):
        assert not imported.exists()
    else:
        kept = json.loads(imported.read_text())["deployment"]["resources"]
        assert [each["urn"] for each in kept] == [each["urn"] for each in resources if each is not JOB]


def cli(folder: Path, resources: list[dict[str, Any]]) -> PulumiCli:
    """A CLI that exports these resources and keeps what it is given to import."""
    (folder / "state.json").write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    program = folder / "pulumi"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *export*) cat {folder}/state.json;; *import*) cat > {folder}/imported.json;; esac\n'
    )
    program.chmod(0o755)
    return PulumiCli(str(program), {"PATH": "/usr/bin:/bin"})
