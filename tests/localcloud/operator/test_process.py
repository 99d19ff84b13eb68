"""The controller as a process: how it starts, how it reports that it cannot start, how it stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.operator.stage import OperatorProcess, ServerStage

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("cluster")]


@pytest.fixture
def server(operator: OperatorProcess, tmp_path: Path) -> Iterator[ServerStage]:
    """A stage with a process of its own, which does not run yet, and no other."""
    operator.kill()
    process = OperatorProcess(operator.kubeconfig, tmp_path)
    stage = ServerStage(process)
    yield stage
    process.close()
    stage.close()


def test_without_valid_credentials_it_does_not_start(server: ServerStage) -> None:
    server.operator.endpoint.knows_caller = False
    server.start()
    assert server.operator.exit_code() == 1
    assert (
        "unable to determine account info: unable to get caller identity: operation error STS" in server.operator.log()
    )
    assert "The security token included in the request is invalid." in server.operator.log()
    assert "Traceback" not in server.operator.log()


def test_an_authority_for_aws_calls_does_not_disturb_it(server: ServerStage, tmp_path: Path) -> None:
    server.operator.environment["AWS_CA_BUNDLE"] = str(tmp_path / "none.pem")
    server.start()
    server.create()
    server.wait_status("InProgress")


def test_it_stops_when_asked_to(server: ServerStage) -> None:
    server.start()
    server.create()
    server.wait_status("InProgress")
    assert server.operator.terminate() == 0


def test_deletion_policy_retain_by_flag_leaves_the_job_alone(server: ServerStage) -> None:
    server.start("--deletion-policy", "retain")
    server.create()
    server.wait_status("InProgress")
    server.delete()
    server.wait_gone()
    assert server.aws.status("churn") == "InProgress"
