"""Which engine acts: the official CLI when it is on PATH, the generated folder not counted."""

from pathlib import Path

import pytest

from localcloud.commands import engines
from localcloud.console import CommandError
from localcloud.setup import tools


def program(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pulumi").write_text("#!/bin/sh\nexit 0\n")
    (folder / "pulumi").chmod(0o755)
    return str(folder)


def test_the_official_cli_is_taken_when_it_is_on_path(tmp_path: Path) -> None:
    path = program(tmp_path / "usr")
    assert engines.choose({"PATH": path}).kind == "official"


@pytest.mark.parametrize("checkout", ["this one", "another"])
def test_the_command_of_the_embedded_engine_is_not_the_official_one(tmp_path: Path, checkout: str) -> None:
    home = tmp_path / checkout
    tools.write(home, tmp_path, tmp_path / "kubectl", embedded_engine=True)
    assert engines.choose({"PATH": str(home / "bin")}).kind == "embedded"
    behind = f"{home / 'bin'}:{program(tmp_path / 'usr')}"
    assert engines.official_cli(behind) == str(tmp_path / "usr" / "pulumi")


def test_the_embedded_engine_can_be_asked_for(tmp_path: Path) -> None:
    path = program(tmp_path / "usr")
    assert engines.choose({"PATH": path, "ENGINE": "embedded"}).kind == "embedded"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        pytest.param("terraform", "may be official or embedded", id="no engine of that name"),
        pytest.param("official", "not on PATH", id="the official one is missing"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(tmp_path: Path, wish: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        engines.choose({"PATH": str(tmp_path), "ENGINE": wish})


def test_a_real_account_needs_the_official_cli(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="needs the official Pulumi CLI"):
        engines.official({"PATH": str(tmp_path)})
