"""The record of the running cloud, and the lock that proves its supervisor alive."""

import fcntl
import threading
from pathlib import Path

import pytest

from localcloud.supervisor import record

CLOUD = record.Cloud(
    "id", 1, "2026-01-01T00:00:00+00:00", "http://127.0.0.1:1", 2, "us-east-1", "123456789012", ["p/local"]
)


def test_a_written_record_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    record.write(tmp_path, CLOUD)
    assert record.read(tmp_path) == CLOUD


def test_a_missing_record_reads_as_none(tmp_path: Path) -> None:
    assert record.read(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"instance_id": ', id="cut off"),
        pytest.param(b'{"instance_id": "\xff"}', id="not UTF-8"),
        pytest.param(b"[1]", id="not an object"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_broken_record_reads_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run").mkdir()
    record.path(tmp_path).write_bytes(content)
    assert record.read(tmp_path) is None


def test_a_supervisor_is_alive_as_long_as_it_holds_the_lock(tmp_path: Path) -> None:
    with record.held(tmp_path) as free:
        assert free
        assert record.alive(tmp_path)
    assert not record.alive(tmp_path)


def test_asking_for_a_supervisor_does_not_look_like_one_and_does_not_keep_one_from_starting(tmp_path: Path) -> None:
    assert not record.alive(tmp_path)
    with record.held(tmp_path):
        pass
    with (tmp_path / "run" / "supervisor.lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not record.alive(tmp_path)
        threading.Timer(0.1, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        with record.held(tmp_path) as free:
            assert free


def test_a_second_supervisor_is_told_that_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_PROBE_SECONDS", 0.1)
    with record.held(tmp_path), record.held(tmp_path) as free:
        assert not free
    assert not record.alive(tmp_path)
