"""`make` acts on the checkout in which it is called, whatever stack the shell is set to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localcloud.commands import __main__ as commands
from localcloud.commands import cloud
from localcloud.home import home


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
