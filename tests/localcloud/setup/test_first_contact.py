"""The first messages of `make`: on a machine that lacks something, and about what it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.home import CHECKOUT
from localcloud.setup import __main__ as setup
from localcloud.setup import virtualenv


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setup, "own", lambda: tmp_path / "home")
    return tmp_path / "home"


def test_an_old_python_is_named_in_a_checkout_that_is_set_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(virtualenv, "is_current", lambda *_: True)
    monkeypatch.delitem(sys.modules, "localcloud.go.binaries", raising=False)
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    assert setup.main(["local"]) == 1
    assert "Python 3.11 or newer is needed, this is 3.9.18" in capsys.readouterr().err
    assert "localcloud.go.binaries" not in sys.modules  # code that an old Python cannot read


def test_missing_requirements_are_reported_before_anything_is_created(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "missing", lambda *_, **__: ["a lack", "another"])
    assert setup.main(["local"]) == 1
    assert capsys.readouterr().err == "error: this machine is not ready:\n  - a lack\n  - another\n"
    assert not (home / "venv").exists()


def test_make_alone_lists_every_command_once() -> None:
    listed = subprocess.run(["make"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    commands = [line.split()[1] for line in listed.splitlines() if line.startswith("  make ")]
    assert {"up", "test", "destroy", "report"} <= set(commands)
    assert len(commands) == len(set(commands))


def test_a_machine_whose_python_loads_nothing_from_the_folder_it_runs_in_serves_too() -> None:
    run = subprocess.run(
        ["make", "status"], cwd=CHECKOUT, env={**os.environ, "PYTHONSAFEPATH": "1"}, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_make_says_which_python_is_needed_where_there_is_none() -> None:
    run = subprocess.run(["make", "up", "PYTHON="], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "Python 3.11 or newer is needed and none was found" in run.stderr
