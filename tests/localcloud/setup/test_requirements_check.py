"""Everything that a machine lacks is reported at once, each item with its cure."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from localcloud.setup import __main__ as setup


class Usage(NamedTuple):
    """The shape of shutil.disk_usage."""

    total: int
    used: int
    free: int


def test_a_machine_that_meets_all_requirements_is_ready(tmp_path: Path) -> None:
    assert setup.missing(tmp_path / "not" / "yet", environment=False, build=False) == []


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1, 1, 10**9))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = setup.missing(tmp_path, environment=True, build=True)
    assert [line.split(" ")[0] for line in said] == ["Python", "Python's", "Linux", str(tmp_path)]


@pytest.mark.parametrize(
    ("environment", "build", "gigabytes"),
    [
        pytest.param(False, False, 0.5, id="all is there"),
        pytest.param(True, False, 2.5, id="binaries of another checkout serve"),
        pytest.param(True, True, 8.0, id="a fresh machine"),
    ],
)
def test_only_what_is_still_to_be_made_needs_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: bool, build: bool, gigabytes: float
) -> None:
    free = int(gigabytes * 1e9)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free, 0, free))
    assert setup.missing(tmp_path, environment=environment, build=build) == []
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free, 1, free - 1))
    assert f"{gigabytes:.1f} GB are needed" in setup.missing(tmp_path, environment=environment, build=build)[0]
