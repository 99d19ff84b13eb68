"""Which Pulumi CLI acts on a stack, and how it is called."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud import home
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


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda cli: cli.ask("refresh"), id="a question"),
        pytest.param(lambda cli: cli.run("preview"), id="a command"),
        pytest.param(lambda cli: cli.up(Path("events")), id="a deployment"),
    ],
)
def test_kubeconfigs_that_the_provider_leaves_go_with_the_call(
    tmp_path: Path, call: Callable[[PulumiCli], Any]
) -> None:
    left = tmp_path / "left"
    cli = PulumiCli(
        str(program(tmp_path, f'file=$(mktemp "$TMPDIR/kubeconfigXXXXXX") && echo "$file" > {left}')),
        {"PATH": "/usr/bin:/bin"},
    )
    call(cli)
    kubeconfig = Path(left.read_text().strip())
    assert home.own() in kubeconfig.parents
    assert not kubeconfig.exists()
