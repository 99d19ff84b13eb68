"""One command at a time acts on a stack."""

from pathlib import Path

import pytest

from localcloud.commands.__main__ import alone
from localcloud.console import CommandError


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
