"""What the stack's state file says about its jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.commands import stack

TYPE = "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"


def state(home: Path, **statuses: dict[str, Any] | None) -> None:
    """A state file with a job for each name, and what else a stack has."""
    jobs = [
        {"urn": f"urn:pulumi:local::p::{TYPE}::{name}", "type": TYPE, "custom": True, "outputs": {"status": status}}
        for name, status in statuses.items()
    ]
    component = {"urn": "urn:pulumi:local::p::workshop:jobs:TransformJob::a", "type": "workshop:jobs:TransformJob"}
    path = stack.checkpoint(home)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [component, *jobs]}}}))


def test_jobs_are_named_as_declared(tmp_path: Path) -> None:
    state(tmp_path, a=None, b=None)
    assert stack.declared_jobs(stack.resources(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        pytest.param(None, True, id="never heard of"),
        pytest.param({"conditions": []}, True, id="never started"),
        pytest.param({"transformJobStatus": "InProgress"}, True, id="running"),
        pytest.param({"transformJobStatus": "Completed"}, False, id="completed"),
        pytest.param({"transformJobStatus": "Failed"}, False, id="failed"),
        pytest.param({"transformJobStatus": "Stopped"}, False, id="stopped"),
    ],
)
def test_a_job_is_open_until_the_state_knows_its_end(
    tmp_path: Path, status: dict[str, Any] | None, is_open: bool
) -> None:
    state(tmp_path, job=status)
    assert stack.open_jobs(stack.resources(tmp_path)) == (["job"] if is_open else [])


def test_without_a_state_there_are_no_jobs(tmp_path: Path) -> None:
    assert stack.open_jobs(stack.resources(tmp_path)) == []


def test_resources_are_counted_without_providers_that_nobody_declared() -> None:
    urns = [f"urn:pulumi:local::p::{end}" for end in ("aws:s3/bucket:Bucket::default-b", "pulumi:providers:aws::aws")]
    default = "urn:pulumi:local::p::pulumi:providers:eks::default_4_4_0"
    assert stack.count({"urn": urn} for urn in [*urns, default]) == 2


CLUSTER = {"endpoint": "https://127.0.0.1:5000", "certificateAuthority": {"data": "TUlJ"}}


@pytest.mark.parametrize(
    ("text", "clusters", "names"),
    [
        pytest.param("server: https://127.0.0.1:5000, certificate-authority-data: TUlJ", [CLUSTER], True, id="it"),
        pytest.param(
            "server: https://127.0.0.1:4000, certificate-authority-data: TUlJ", [CLUSTER], False, id="another"
        ),
        pytest.param("server: https://127.0.0.1:5000, certificate-authority-data: T", [CLUSTER], False, id="a former"),
        pytest.param("server: https://127.0.0.1:5000, certificate-authority-data: TUlJ", [], False, id="none stands"),
        pytest.param("", [{}], False, id="one of which only the name is known"),
        pytest.param(None, [CLUSTER], False, id="no file"),
    ],
)
def test_a_kubeconfig_is_of_the_cluster_whose_address_and_authority_it_has(
    tmp_path: Path, text: str | None, clusters: list[dict[str, Any]], names: bool
) -> None:
    if text is not None:
        (tmp_path / "kubeconfig").write_text(text)
    resources = [{"type": "aws:eks/cluster:Cluster", "outputs": cluster} for cluster in clusters]
    assert stack.names_cluster(tmp_path / "kubeconfig", [{"type": "aws:s3/bucket:Bucket"}, *resources]) is names
