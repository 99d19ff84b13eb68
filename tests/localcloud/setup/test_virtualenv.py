"""The environment is made anew exactly when what it holds or runs on has changed."""

from pathlib import Path

import pytest

from localcloud.console import CommandError
from localcloud.setup import virtualenv


def checkout(folder: Path) -> Path:
    (folder / "localcloud" / "setup").mkdir(parents=True)
    (folder / virtualenv.CONSTRAINTS).write_text("botocore==1\n")
    (folder / "requirements.txt").write_text("boto3==1\n")
    return folder


def interpreter(home: Path, script: str = "") -> None:
    python = virtualenv.python_of(home)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def stamped(home: Path, repo: Path) -> None:
    interpreter(home)
    for stamp in virtualenv._stamps(home, repo, [virtualenv.PROGRAM]):
        stamp.touch()


def test_an_environment_that_holds_the_requirements_is_current(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    stamped(tmp_path / "home", repo)
    assert virtualenv.is_current(tmp_path / "home", repo, [virtualenv.PROGRAM])


def test_a_changed_requirement_makes_it_stale(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    stamped(tmp_path / "home", repo)
    (repo / "requirements.txt").write_text("boto3==2\n")
    assert not virtualenv.is_current(tmp_path / "home", repo, [virtualenv.PROGRAM])


def test_a_changed_pin_of_what_they_ask_for_makes_it_stale(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    stamped(tmp_path / "home", repo)
    (repo / virtualenv.CONSTRAINTS).write_text("botocore==2\n")
    assert not virtualenv.is_current(tmp_path / "home", repo, [virtualenv.PROGRAM])


def test_an_interpreter_that_does_not_run_is_made_anew(tmp_path: Path) -> None:
    assert not virtualenv._runs(tmp_path / "venv" / "bin" / "python")


def test_two_pips_share_the_pins_and_a_third_checks_the_whole(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    (repo / virtualenv.CONSTRAINTS).write_text("# why\na==1\nb==2  # why\nc==3\n")
    interpreter(tmp_path / "home", f'echo "$@" >> {tmp_path}/calls')
    virtualenv._pip_install(tmp_path / "home", repo, [virtualenv.PROGRAM, virtualenv.TESTS])
    *halves, whole = (tmp_path / "calls").read_text().splitlines()
    assert sorted(half.partition("--retries 1 ")[2] for half in halves) == ["a==1 c==3", "b==2"]
    assert all("--no-deps" in half for half in halves)
    assert whole.endswith(
        f"-r {repo}/requirements.txt -r {repo}/tests/requirements.txt -c {repo}/{virtualenv.CONSTRAINTS}"
    )
    assert "--no-deps" not in whole


def test_a_pip_that_fails_leaves_the_rest_to_the_last_one_and_its_words_are_told(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    interpreter(tmp_path / "home", 'case "$*" in *--no-deps*) exit 1;; *-r*) echo all is well;; esac')
    virtualenv._pip_install(tmp_path / "home", repo, [virtualenv.TESTS])
    interpreter(tmp_path / "home", "echo no index answers; exit 1")
    with pytest.raises(CommandError, match="no index answers"):
        virtualenv._pip_install(tmp_path / "home", repo, [virtualenv.TESTS])
