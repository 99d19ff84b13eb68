"""The environment is made again exactly when its packages or its interpreter have changed."""

from pathlib import Path

import pytest

from localcloud.console import CommandError
from localcloud.setup import virtualenv


def checkout(folder: Path) -> Path:
    (folder / "localcloud" / "setup").mkdir(parents=True)
    (folder / virtualenv.CONSTRAINTS).write_text("botocore==1\n")
    (folder / "requirements.txt").write_text("boto3==1\n")
    (folder / "tests").mkdir()
    (folder / virtualenv.TESTS).write_text("pytest==1\n")
    return folder


def interpreter(home: Path, script: str = "") -> None:
    python = virtualenv.python_of(home)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def stamped(home: Path, repo: Path) -> None:
    interpreter(home)
    virtualenv.ensure(home, repo, [virtualenv.PROGRAM])


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


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#!/bin/sh\nexit 1\n", id="does not run"),
        pytest.param(b"\xcf\xfa\xed\xfe", id="is of another kind of machine"),
        pytest.param(None, id="is not there"),
    ],
)
def test_an_environment_whose_interpreter_does_not_run_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        interpreter(tmp_path / "home")
        virtualenv.python_of(tmp_path / "home").write_bytes(content)
    interpreter(tmp_path / "base", f'echo "$@" >> {tmp_path}/calls')
    monkeypatch.setattr("sys.executable", str(virtualenv.python_of(tmp_path / "base")))
    virtualenv.create(tmp_path / "home")
    assert (tmp_path / "calls").read_text() == f"-m venv {tmp_path / 'home' / 'venv'}\n"


def test_an_interpreter_that_runs_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter(tmp_path / "home")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    virtualenv.create(tmp_path / "home")
    assert virtualenv.python_of(tmp_path / "home").exists()


def test_two_pips_share_the_pins_and_a_third_checks_the_whole(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    (repo / virtualenv.CONSTRAINTS).write_text("# why\na==1\nb==2  # why\nc==3\n")
    interpreter(tmp_path / "home", f'echo "$@" >> {tmp_path}/calls')
    virtualenv.ensure(tmp_path / "home", repo, [virtualenv.PROGRAM, virtualenv.TESTS])
    calls = (tmp_path / "calls").read_text().splitlines()
    *halves, whole, _ = (call for call in calls if call.startswith("-m pip install"))
    assert sorted(half.partition("--retries 1 ")[2] for half in halves) == ["a==1 c==3", "b==2"]
    assert all("--no-deps" in half for half in halves)
    assert whole.endswith(
        f"-r {repo}/requirements.txt -r {repo}/tests/requirements.txt -c {repo}/{virtualenv.CONSTRAINTS}"
    )
    assert "--no-deps" not in whole


def test_a_pip_that_fails_leaves_the_rest_to_the_last_one_and_its_words_are_reported(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    interpreter(tmp_path / "home", 'case "$*" in *"--retries 1 "*) exit 1;; *-r*) echo all is well;; esac')
    virtualenv.ensure(tmp_path / "home", repo, [virtualenv.TESTS])
    (repo / virtualenv.TESTS).write_text("pytest==2\n")
    interpreter(tmp_path / "home", 'case "$*" in *install*) echo no index answers; exit 1;; esac')
    with pytest.raises(CommandError, match="no index answers"):
        virtualenv.ensure(tmp_path / "home", repo, [virtualenv.TESTS])
