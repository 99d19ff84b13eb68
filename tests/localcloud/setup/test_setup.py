"""The set-up as a whole: which steps run in parallel, and with which interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.console import CommandError
from localcloud.setup import __main__ as setup


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that says what it is asked to run, and ends as the file `code` says."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "runs $@"\nexit $(cat {tmp_path}/code)\n')
    program.chmod(0o755)
    (tmp_path / "code").write_text("0")
    return program


def test_programs_are_compiled_by_the_environments_python_which_has_pip(
    python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with setup.compiling(["control-plane", "pulumi"], python):
        pass
    assert "runs -m localcloud.go control-plane pulumi" in capsys.readouterr().out


def test_a_program_that_exists_is_not_compiled(python: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with setup.compiling([], python):
        pass
    assert capsys.readouterr().out == ""


def test_a_build_that_fails_is_reported_with_its_last_lines(python: Path, tmp_path: Path) -> None:
    (tmp_path / "code").write_text("1")
    with (
        pytest.raises(CommandError, match="control-plane and pulumi could not be compiled:\nruns -m"),
        setup.compiling(["control-plane", "pulumi"], python),
    ):
        pass
