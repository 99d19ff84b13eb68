"""The controller as a process: how it starts, how it says that it cannot, how it stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.operator.stage import ServerStage

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("operator")]


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerStage]:
    stage = ServerStage(request.getfixturevalue("kubeconfig"), tmp_path)
    yield stage
    stage.close()


def test_without_valid_credentials_it_does_not_start(server: ServerStage) -> None:
    server.endpoint.knows_caller = False
    server.start()
    assert server.exit_code() == 1
    assert "unable to determine account info: unable to get caller identity: operation error STS" in server.log()
    assert "The security token included in the request is invalid." in server.log()
    assert "Traceback" not in server.log()


def test_an_authority_for_aws_calls_does_not_disturb_it(server: ServerStage, tmp_path: Path) -> None:
    server.environment["AWS_CA_BUNDLE"] = str(tmp_path / "none.pem")
    server.start()
    server.create()
    server.wait_status("InProgress")


def test_it_stops_when_asked_to(server: ServerStage) -> None:
    server.start()
    server.create()
    server.wait_status("InProgress")
    assert server.terminate() == 0


def test_it_leaves_jobs_alone_where_other_kinds_only_are_to_be_reconciled(server: ServerStage) -> None:
    server.create()
    server.start("--reconcile-resources", "Model")
    assert "Starting workers" in server.log()
    time.sleep(1)  # by then a controller that looks at jobs has long created this one
    assert server.aws.operations("churn") == []


def test_deletion_policy_retain_by_flag_leaves_the_job_alone(server: ServerStage) -> None:
    server.start("--deletion-policy", "retain")
    server.create()
    server.wait_status("InProgress")
    server.delete()
    server.wait_gone()
    assert server.aws.status("churn") == "InProgress"


def test_retain_by_namespace_leaves_the_job_alone(server: ServerStage) -> None:
    server.annotate_namespace(**{"sagemaker.services.k8s.aws/deletion-policy": "retain"})
    server.start("--watch-namespace", "")
    server.create()
    server.wait_status("InProgress")
    server.delete()
    server.wait_gone()
    assert server.aws.status("churn") == "InProgress"
