"""A stack of the first release on the real engine is taken over by this program: nothing is replaced, no job runs again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.checkout import REPOSITORY, Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("upgrade")]
FIRST = "1c49bb6"
"""The commit with which stacks began to be deployed by the Pulumi CLI."""


@contextmanager
def first_program(folder: Path) -> Generator[Path]:
    """The first release in a git worktree, with the installed packages of this one."""
    subprocess.run(["git", "worktree", "add", "--detach", str(folder), FIRST], cwd=REPOSITORY, check=True)
    try:
        (folder / ".local").mkdir()
        (folder / ".local" / "venv").symlink_to(sys.prefix)
        yield folder
    finally:
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
        checkout.start_cloud()
        with first_program(tmp_path / "first") as program:
            first = checkout.shell(f"cd '{program}' && pulumi up --yes --skip-preview --stack local")
        assert first.code == 0, first.text
        before, jobs = standing(checkout), checkout.transform_jobs()

        taken_over = checkout.make_target("up")
        assert taken_over.code == 0, taken_over.text
        after = standing(checkout)
        assert {urn: after.get(urn) for urn in before} == before
        assert checkout.transform_jobs() == jobs
    finally:
        checkout.make_target("reset")
