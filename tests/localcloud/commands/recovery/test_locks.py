"""A lock is removed if its process is dead on this host, and only then."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.recovery import attempt, begin

HERE = socket.gethostname()


@pytest.fixture
def pulumi(tmp_path: Path) -> PulumiCli:
    """A CLI that notes what it is asked, and fails with the file `refusal` where there is one."""
    program = tmp_path / "pulumi"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f'case "$*" in *import*) [ ! -e {tmp_path}/refusal ] || {{ cat {tmp_path}/refusal >&2; exit 255; }};; esac\n'
    )
    program.chmod(0o755)
    return PulumiCli(str(program), {"PATH": "/usr/bin:/bin"})


@pytest.fixture
def other_pulumi() -> Iterator[int]:
    """The pid of a process that looks like a Pulumi CLI at work."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)  # pulumi up"]) as process:
        yield process.pid
        process.kill()


def gone() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def lock(folder: Path, host: str, pid: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{pid}.json").write_text(json.dumps({"hostname": host, "pid": pid, "username": "me"}))
    return folder


def asked(folder: Path) -> list[str]:
    file = folder / "asked"
    return file.read_text().splitlines() if file.exists() else []


def test_the_lock_of_a_dead_process_is_cancelled(pulumi: PulumiCli, tmp_path: Path) -> None:
    begin.cancel_dead(pulumi, "local", lock(tmp_path / "locks", HERE, gone()))
    assert asked(tmp_path) == ["--non-interactive cancel --yes --stack local"]


def test_the_lock_of_a_killed_process_that_nobody_waited_for_is_cancelled(
    pulumi: PulumiCli, tmp_path: Path, other_pulumi: int
) -> None:
    os.kill(other_pulumi, signal.SIGKILL)
    os.waitid(os.P_PID, other_pulumi, os.WEXITED | os.WNOWAIT)  # it has ended, and stays listed
    begin.cancel_dead(pulumi, "local", lock(tmp_path / "locks", HERE, other_pulumi))
    assert asked(tmp_path) == ["--non-interactive cancel --yes --stack local"]


def test_the_lock_of_a_process_at_work_stays(pulumi: PulumiCli, tmp_path: Path, other_pulumi: int) -> None:
    folder = lock(tmp_path / "locks", HERE, gone())
    begin.cancel_dead(pulumi, "local", lock(folder, HERE, other_pulumi))
    assert asked(tmp_path) == []


def test_the_lock_of_another_host_stays(pulumi: PulumiCli, tmp_path: Path) -> None:
    begin.cancel_dead(pulumi, "local", lock(tmp_path / "locks", "elsewhere", gone()))
    assert asked(tmp_path) == []


def test_a_stack_without_locks_is_left_alone(pulumi: PulumiCli, tmp_path: Path) -> None:
    begin.cancel_dead(pulumi, "local", tmp_path / "locks")
    assert asked(tmp_path) == []


@pytest.mark.parametrize(
    ("host", "cancelled"), [pytest.param(HERE, True, id="this host"), pytest.param("elsewhere", False, id="another")]
)
def test_a_lock_in_a_bucket_is_known_by_what_the_cli_says(
    pulumi: PulumiCli, tmp_path: Path, host: str, *, cancelled: bool
) -> None:
    (tmp_path / "refusal").write_text(
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        f"lock file with `pulumi cancel`.\n  s3://state/x.json: created by me@{host} (pid {gone()}) at 2026-11-29\n"
    )
    begin.cancel_dead(pulumi, "dev", None)
    assert ("--non-interactive cancel --yes --stack dev" in asked(tmp_path)) is cancelled


def test_a_command_that_was_cut_off_is_known_to_the_next(tmp_path: Path) -> None:
    with attempt(tmp_path, "dev") as first:
        pass
    with attempt(tmp_path, "dev") as second:
        mark = tmp_path / "run" / "dev.attempt"
        kept = mark.read_text()
    mark.write_text(kept)  # as a kill leaves it
    with attempt(tmp_path, "dev") as third, attempt(tmp_path, "prod") as other:
        pass
    assert (first, second, third, other) == (False, False, True, False)


def test_a_command_that_fails_has_ended_in_order(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), attempt(tmp_path, "dev"):
        raise KeyboardInterrupt
    with attempt(tmp_path, "dev") as cut_off:
        pass
    assert not cut_off
