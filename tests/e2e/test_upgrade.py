"""A stack of the first release on the real engine is taken over by this program: nothing is replaced, no job runs again."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.checkout import REPOSITORY, Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("upgrade")]
FIRST = "1c49bb6"
"""The commit with which stacks began to be deployed by the Pulumi CLI."""
PROGRAM = ("infra", "jobs", "workshop", "__main__.py", "Pulumi.yaml", "Pulumi.local.yaml")


def put_program(checkout: Checkout, commit: str | None, folder: Path) -> None:
    """Put the program of a commit, or this one's, into a checkout."""
    source = REPOSITORY
    if commit:
        subprocess.run(["git", "worktree", "add", "--detach", str(folder), commit], cwd=REPOSITORY, check=True)
        source = folder
    try:
        for name in PROGRAM:
            if (source / name).is_dir():
                shutil.rmtree(checkout.path / name)
                shutil.copytree(source / name, checkout.path / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source / name, checkout.path / name)
    finally:
        if commit:
            subprocess.run(["git", "worktree", "remove", "--force", str(folder)], cwd=REPOSITORY, check=True)


def standing(checkout: Checkout) -> dict[str, str]:
    """The id of each resource in the state, by URN."""
    said = checkout.shell("pulumi stack export")
    assert said.code == 0, said.text
    resources = json.loads(said.text)["deployment"]["resources"]
    return {
        found["urn"]: found["id"] for found in resources if found.get("custom") and "providers" not in found["type"]
    }


def test_a_stack_of_the_first_release_is_taken_over(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout")
    try:
        put_program(checkout, FIRST, tmp_path / "first")
        first = checkout.make_target("up")
        assert first.code == 0, first.text
        before, jobs = standing(checkout), checkout.transform_jobs()

        put_program(checkout, None, tmp_path)
        taken_over = checkout.make_target("up")
        assert taken_over.code == 0, taken_over.text
        after = standing(checkout)
        assert {urn: after.get(urn) for urn in before} == before
        assert checkout.transform_jobs() == jobs
        again = checkout.shell("pulumi preview --expect-no-changes")
        assert again.code == 0, again.text
        destroyed = checkout.make_target("destroy")
        assert destroyed.code == 0, destroyed.text
    finally:
        checkout.make_target("reset")
