"""Which creations in a deployment's event log are lost because their plugin ended during the call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.commands import cloud
from localcloud.commands.recovery import events

URN = "urn:pulumi:local::workshop::aws:eks/cluster:Cluster::batch-workshop"
PLANNED = {"urn": URN, "type": "aws:eks/cluster:Cluster", "id": "", "inputs": {"name": "batch-workshop"}}


def failed(op: str, message: str) -> list[dict[str, Any]]:
    return [
        {"diagnosticEvent": {"urn": URN, "severity": "error", "message": f"{message}\n"}},
        {"resOpFailedEvent": {"metadata": {"op": op, "urn": URN, "type": PLANNED["type"], "new": PLANNED}}},
        {"diagnosticEvent": {"severity": "error", "message": "update failed\n"}},
        {"summaryEvent": {"durationSeconds": 4}},
    ]


def log(folder: Path, happened: list[dict[str, Any]], rest: str = "") -> Path:
    path = events.event_log(folder, "local")
    path.write_text("".join(f"{json.dumps(event)}\n" for event in happened) + rest)
    return path


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("error reading from server: EOF", id="in the middle"),
        pytest.param("rpc error: code = Unavailable desc = transport is closing", id="while the call was sent"),
        pytest.param('connection error: desc = "dial tcp 127.0.0.1:1: connect: connection refused"', id="before"),
    ],
)
@pytest.mark.parametrize("op", ["create", "create-replacement"])
def test_a_creation_whose_plugin_ended_is_pending(tmp_path: Path, op: str, message: str) -> None:
    lost = events.lost_creations(log(tmp_path, failed(op, message)))
    assert lost == [{"type": "creating", "resource": PLANNED}]


@pytest.mark.parametrize(
    ("op", "message"),
    [
        pytest.param("create", "CreateCluster: ResourceInUseException: it exists", id="refused by AWS"),
        pytest.param("update", "error reading from server: EOF", id="an update: the state has the object"),
        pytest.param("delete", "error reading from server: EOF", id="a deletion: the state has the object"),
    ],
)
def test_what_the_state_or_aws_knows_is_not_lost(tmp_path: Path, op: str, message: str) -> None:
    assert events.lost_creations(log(tmp_path, failed(op, message))) == []


def test_a_log_that_ends_in_the_middle_of_a_line_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    cut = log(tmp_path, failed("create", "error reading from server: EOF"), rest='{"summaryEv')
    assert len(events.lost_creations(cut)) == 1


def test_before_the_first_deployment_nothing_is_lost_and_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    path = events.event_log(tmp_path, "local")
    assert events.lost_creations(path) == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_with_the_local_cloud_its_lost_creations_are_forgotten(tmp_path: Path) -> None:
    log(tmp_path, failed("create", "error reading from server: EOF"))
    cloud.forget(tmp_path)
    assert events.lost_creations(events.event_log(tmp_path, "local")) == []
