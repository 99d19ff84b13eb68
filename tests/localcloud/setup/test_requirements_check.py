"""What a machine lacks is said all at once, each with its cure."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from localcloud.setup import requirements_check


class Usage(NamedTuple):
    """The shape of shutil.disk_usage."""

    total: int
    used: int
    free: int


def test_a_machine_that_has_all_is_ready(tmp_path: Path) -> None:
    assert requirements_check.missing(tmp_path / "not" / "yet", fresh=False) == []


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1, 1, 10**9))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = requirements_check.missing(tmp_path, fresh=True)
    assert [line.split(" ")[0] for line in said] == ["Python", "Python's", "Linux", str(tmp_path)]


def test_a_set_up_checkout_needs_less_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1, 1, 10**9))
    assert requirements_check.missing(tmp_path, fresh=False) == []
    assert "are needed" in requirements_check.missing(tmp_path, fresh=True)[0]
