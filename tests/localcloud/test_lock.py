"""A lock that one process, or one thread, holds at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from localcloud import lock
from localcloud.lock import locked


def test_a_second_one_waits_for_the_first_and_says_so_each_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_REMIND_SECONDS", 0)
    said: list[str] = []
    reminded, entered = threading.Event(), threading.Event()

    def second() -> None:
        with locked(
            tmp_path / "lock", lambda line: (said.append(line), len(said) == 2 and reminded.set())[0], "a build"
        ):
            entered.set()

    thread = threading.Thread(target=second)
    with locked(tmp_path / "lock", said.append, "nobody"):
        thread.start()
        assert reminded.wait(60)
        assert not entered.is_set()
    thread.join(60)
    assert entered.is_set()
    assert said[:2] == ["a build; waiting for it", "a build; waiting for it (1 min)"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), locked(tmp_path / "file" / "lock", print, "nobody"):
        pass
