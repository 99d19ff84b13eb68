"""One command at a time acts on a stack, and `make` acts on the checkout in which it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localcloud.commands import __main__ as commands
from localcloud.commands import cloud
from localcloud.commands.__main__ import alone
from localcloud.console import CommandError
from localcloud.home import home


def test_a_second_command_is_told_who_holds_the_stack(tmp_path: Path) -> None:
    with (
        alone(tmp_path, "make up"),
        pytest.raises(CommandError, match=r"`make up`, process \d+; run `make destroy`"),
        alone(tmp_path, "make destroy"),
    ):
        pass


def test_the_stack_is_free_again_when_a_command_ended(tmp_path: Path) -> None:
    with alone(tmp_path, "make up"):
        pass
    with alone(tmp_path, "make destroy"):
        assert "make destroy" in (tmp_path / "command.lock").read_text()


def test_a_shell_on_the_cloud_of_another_checkout_does_not_lead_make_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setenv("LOCALCLOUD_HOME", str(tmp_path / "another" / ".local"))
    monkeypatch.setattr(commands, "own", lambda: tmp_path / ".local")
    monkeypatch.setattr(cloud, "status", lambda directory: seen.extend([directory, home()]) or 0)
    assert commands.main(["status", "--stack", "local"]) == 0
    assert seen == [tmp_path / ".local"] * 2
    assert os.environ["LOCALCLOUD_HOME"] == str(tmp_path / ".local")
