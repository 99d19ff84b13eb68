"""Deletions that were interrupted are finished, each in the way that suits its type, before anything relies on the state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.recovery import __main__ as recovery
from localcloud.commands.recovery import release

JOB, RELEASE, BUCKET = (
    {"urn": f"urn::{name}", "type": token, "id": name, "inputs": {}, "provider": "urn::provider::id"}
    for name, token in (
        ("churn", "kubernetes:sagemaker.services.k8s.aws/v1alpha1:TransformJob"),
        ("ack-system/ack", "kubernetes:helm.sh/v3:Release"),
        ("data", "aws:s3/bucket:Bucket"),
    )
)
PROVIDER = {"urn": "urn::provider", "type": "pulumi:providers:kubernetes", "inputs": {"kubeconfig": "{}"}}


class State(PulumiCli):
    """A CLI whose stack has these resources and pending deletions of some; it keeps its commands that change the state."""

    def ask(self, *arguments: str, given: str | None = None) -> str:
        if arguments[:2] == ("stack", "export"):
            return self.environment["EXPORTED"]
        if given is None:
            COMMANDS.append(arguments)
        return ""


COMMANDS: list[tuple[str, ...]] = []


def settled(*deleting: dict[str, Any], standing: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    COMMANDS.clear()
    pending = [{"type": "deleting", "resource": each} for each in deleting]
    exported = {"version": 3, "deployment": {"resources": [PROVIDER, *standing], "pending_operations": pending}}
    recovery.settle(State("pulumi", {"EXPORTED": json.dumps(exported), "PATH": "/usr/bin:/bin"}), "local")
    return [(command[0], *(each for each in command if each.startswith("urn::"))) for command in COMMANDS]


@pytest.fixture(autouse=True)
def no_release_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "stuck", lambda *_: None)
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/bin/kubectl")


def test_an_object_of_aws_is_refreshed_and_an_object_of_the_cluster_is_deleted_again() -> None:
    assert settled(JOB, BUCKET, standing=[JOB, BUCKET]) == [("destroy", JOB["urn"]), ("refresh", BUCKET["urn"])]


def test_a_helm_release_is_refreshed_because_helm_uninstalls_none_that_is_gone() -> None:
    assert settled(RELEASE, standing=[RELEASE]) == [("refresh", RELEASE["urn"])]


@pytest.mark.parametrize(
    "standing",
    [pytest.param([], id="not in the state"), pytest.param([JOB | {"delete": True}], id="replaced: `up` deletes it")],
)
def test_nothing_is_done_about_a_deletion_that_the_next_run_finishes(standing: list[dict[str, Any]]) -> None:
    assert settled(JOB, standing=standing) == []
