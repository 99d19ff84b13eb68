"""Which Pulumi CLI acts on a stack, and how it is called."""

from pathlib import Path

import pytest

from localcloud.commands import pulumi_cli
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError


def program(folder: Path, script: str = "exit 0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pulumi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_compiled_cli_acts_where_set_up_made_it(tmp_path: Path) -> None:
    compiled = program(tmp_path / "home" / "cli")
    installed = program(tmp_path / "usr", "echo v3.300.0")
    assert pulumi_cli.choose(tmp_path / "home", {"PATH": str(installed.parent)}).program == str(compiled)


def test_an_installed_cli_acts_where_there_is_none_of_ours(tmp_path: Path) -> None:
    installed = program(tmp_path / "usr", "echo v3.300.0")
    assert pulumi_cli.choose(tmp_path / "home", {"PATH": str(installed.parent)}).program == str(installed)


def test_without_any_the_way_to_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="make setup"):
        pulumi_cli.choose(tmp_path, {"PATH": str(tmp_path)})


def test_a_question_is_asked_without_a_terminal(tmp_path: Path) -> None:
    cli = PulumiCli(str(program(tmp_path, 'echo "$@"; cat')), {"PATH": "/usr/bin:/bin"})
    assert cli.ask("stack", "import", given="a deployment") == "--non-interactive stack import\na deployment"


def test_a_question_that_fails_says_what_the_cli_said(tmp_path: Path) -> None:
    cli = PulumiCli(str(program(tmp_path, "echo 'error: no stack' >&2; exit 255")), {"PATH": "/usr/bin:/bin"})
    with pytest.raises(CommandError, match=r"^no stack$"):
        cli.ask("stack", "export")
