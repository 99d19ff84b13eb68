"""The generated commands run the checkout's code, from any directory and any path."""

import subprocess
from pathlib import Path

import pytest

from localcloud.setup import tools


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "a home with spaces"
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PYTHONPATH|$LOCALCLOUD_HOME|$*"\n')
    python.chmod(0o755)
    return folder


def test_a_plugin_runs_the_checkouts_module_in_its_home(home: Path, tmp_path: Path) -> None:
    tools.write(home, tmp_path, Path("/bin/true"), embedded_engine=True)
    said = subprocess.run(
        [home / "bin" / "pulumi-resource-aws", "127.0.0.1:1"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == f"{tmp_path}|{home}|-m localcloud.pulumi.aws 127.0.0.1:1"


def test_with_the_official_cli_there_is_no_pulumi_of_ours(home: Path, tmp_path: Path) -> None:
    tools.write(home, tmp_path, Path("/bin/true"), embedded_engine=True)
    assert (home / "bin" / "pulumi").exists()
    tools.write(home, tmp_path, Path("/bin/true"), embedded_engine=False)
    assert not (home / "bin" / "pulumi").exists()


def test_aws_runs_through_its_interpreter_whatever_the_path(home: Path, tmp_path: Path) -> None:
    tools.write(home, tmp_path, Path("/bin/true"), embedded_engine=True)
    said = subprocess.run([home / "tools" / "aws", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip().endswith(f"|{home}/venv/bin/aws --version")
