"""A check runs again if anything that it reads has changed, and only then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import unchanged


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a checker that counts its runs, and fails with what the file `code` says."""
    (tmp_path / ".local").mkdir()
    (tmp_path / "package").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.checker]\n")
    (tmp_path / "package" / "module.py").write_text("a = 1\n")
    checker = tmp_path / ".local" / "checker"
    checker.write_text('#!/bin/sh\necho x >> .local/runs\nexit "$(cat .local/code 2> /dev/null || echo 0)"\n')
    checker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(checker.with_name("python")))
    return tmp_path


def runs(checkout: Path) -> int:
    return len((checkout / ".local" / "runs").read_text().splitlines())


def test_what_passed_is_not_checked_again(checkout: Path) -> None:
    assert [unchanged.main("checker", checkout) for _ in range(2)] == [0, 0]
    assert runs(checkout) == 1


def test_what_failed_is_checked_again(checkout: Path) -> None:
    (checkout / ".local" / "code").write_text("3")
    assert [unchanged.main("checker", checkout) for _ in range(2)] == [3, 3]
    assert runs(checkout) == 2


@pytest.mark.parametrize(
    "changed", [pytest.param(name, id=name) for name in ("package/module.py", "package/new.py", "pyproject.toml")]
)
def test_what_has_changed_is_checked_again(checkout: Path, changed: str) -> None:
    assert unchanged.main("checker", checkout) == 0
    (checkout / changed).write_text("b = 2\n")
    assert unchanged.main("checker", checkout) == 0
    assert runs(checkout) == 2


def test_another_version_of_a_package_is_checked_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert unchanged.main("checker", checkout) == 0
    monkeypatch.setattr(unchanged.metadata, "distributions", list)
    assert unchanged.main("checker", checkout) == 0
    assert runs(checkout) == 2
