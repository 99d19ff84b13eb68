"""What is printed of the local cloud: the logs of its parts, and its processes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from localcloud.commands import cloud
from localcloud.supervisor import record

ENDPOINT = "http://127.0.0.1:1"
RUNNING = record.Cloud(
    "i", os.getpid(), "2026-01-02T03:04:05+00:00", ENDPOINT, os.getpid(), "us-east-1", "1", ["p/local"]
)


def write(home: Path, name: str, text: str) -> None:
    (home / "logs").mkdir(exist_ok=True)
    (home / "logs" / name).write_text(text)


def test_the_ends_of_the_logs_with_content_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "aws.log", "")
    write(tmp_path, "transform.log", "".join(f"line {number}\n" for number in range(30)))
    write(tmp_path, "pip.log", "of the set-up\n")
    assert cloud.logs(tmp_path) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"==> {tmp_path}/logs/transform.log", *(f"  line {number}" for number in range(10, 30))]


def test_without_logs_it_is_said_where_they_would_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "aws.log", "")
    assert cloud.logs(tmp_path) == 0
    assert capsys.readouterr().out == f"there are no logs yet in {tmp_path}/logs\n"


def test_a_running_cloud_is_shown_with_its_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "running", lambda _: RUNNING)
    assert cloud.status(tmp_path) == 0
    said = capsys.readouterr().out
    assert re.search(r"^local cloud   running since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \(", said)
    assert "stack         local: 0 resources; jobs: none" in said
    assert re.search(rf"^       PID   MEMORY  PROCESS\n  +{os.getpid()}  +\d+ MB  ", said, re.MULTILINE)
