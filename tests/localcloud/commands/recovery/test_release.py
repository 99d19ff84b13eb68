"""The newest revision of a Helm release decides how an interrupted release is repaired."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.commands.recovery import release
from localcloud.commands.recovery.release import Kubectl


def kubectl(folder: Path, *revisions: tuple[int, str]) -> Kubectl:
    """A kubectl that answers with the secrets that Helm keeps of these revisions, and notes what it is asked."""
    items = [{"metadata": {"labels": {"version": str(number), "status": status}}} for number, status in revisions]
    (folder / "secrets.json").write_text(json.dumps({"items": items}))
    program = folder / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\ncat {folder}/secrets.json\n')
    program.chmod(0o755)
    return Kubectl(str(program), folder / "kubeconfig", {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("revisions", "status", "upgrades"),
    [
        pytest.param([(1, "pending-install")], "pending-install", False, id="half installed"),
        pytest.param([(1, "superseded"), (2, "pending-upgrade")], "pending-upgrade", True, id="half upgraded"),
        pytest.param([(10, "pending-rollback"), (9, "deployed")], "pending-rollback", True, id="half rolled back"),
        pytest.param([(1, "uninstalling")], "uninstalling", False, id="half uninstalled"),
    ],
)
def test_a_release_that_was_cut_off_is_known_by_its_newest_revision(
    tmp_path: Path, revisions: list[tuple[int, str]], status: str, *, upgrades: bool
) -> None:
    found = release.stuck(kubectl(tmp_path, *revisions), "ack-system", "ack")
    assert found is not None
    assert (found.status, found.upgrades) == (status, upgrades)


@pytest.mark.parametrize(
    "revisions",
    [
        pytest.param([], id="there is none"),
        pytest.param([(1, "deployed")], id="it is deployed"),
        pytest.param([(1, "pending-install"), (2, "deployed")], id="a later revision is deployed"),
        pytest.param([(1, "failed")], id="it failed, and Helm goes on from there"),
    ],
)
def test_any_other_release_needs_no_mending(tmp_path: Path, revisions: list[tuple[int, str]]) -> None:
    assert release.stuck(kubectl(tmp_path, *revisions), "ack-system", "ack") is None


def test_a_revision_is_forgotten_by_its_secret(tmp_path: Path) -> None:
    tool = kubectl(tmp_path, (1, "superseded"), (2, "pending-upgrade"))
    found = release.stuck(tool, "ack-system", "ack")
    assert found is not None
    release.forget(tool, found)
    asked = (tmp_path / "asked").read_text().splitlines()[-1]
    assert asked.endswith("delete secret --namespace ack-system sh.helm.release.v1.ack.v2")
