"""The environment is made anew exactly when what it holds or runs on has changed."""

from pathlib import Path

from localcloud.setup import virtualenv


def checkout(folder: Path) -> Path:
    (folder / "localcloud" / "setup").mkdir(parents=True)
    (folder / virtualenv.CONSTRAINTS).write_text("botocore==1\n")
    (folder / "requirements.txt").write_text("boto3==1\n")
    return folder


def stamped(home: Path, repo: Path) -> None:
    (home / "venv" / "bin").mkdir(parents=True)
    virtualenv.python_of(home).touch()
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
