"""A supervisor that is still starting is waited for or stopped, like one that runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.home import CHECKOUT
from localcloud.supervisor import client, record
from tests.localcloud.supervisor.test_record import CLOUD

# A supervisor that has the lock, and writes its record when it is told to.
STARTING = """
import dataclasses, os, pathlib, sys, time
from localcloud.supervisor import record
from tests.localcloud.supervisor.test_record import CLOUD
home = pathlib.Path(sys.argv[1])
with record.held(home):
    print("held", flush=True)
    while not (home / "go").exists():
        time.sleep(0.02)
    record.write(home, dataclasses.replace(CLOUD, pid=os.getpid()))
    time.sleep(600)
"""


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", STARTING, str(tmp_path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        supervisor.stdout.readline()
        yield supervisor
        supervisor.kill()


def reaped(supervisor: subprocess.Popen[bytes]) -> bool:
    """Gone within a minute; a test's own child has to be asked."""
    supervisor.wait(60)
    return True


def test_one_that_is_starting_does_not_run_yet_and_is_known(tmp_path: Path, starting: subprocess.Popen[bytes]) -> None:
    assert record.running(tmp_path) is None
    assert record.holder(tmp_path) == starting.pid


def test_one_that_is_starting_is_stopped(tmp_path: Path, starting: subprocess.Popen[bytes]) -> None:
    assert client.stop(tmp_path)
    assert reaped(starting)
    assert not client.stop(tmp_path)


def test_one_that_is_starting_is_waited_for_in_place_of_a_second(
    tmp_path: Path, starting: subprocess.Popen[bytes]
) -> None:
    (tmp_path / "go").touch()
    assert client.start(tmp_path, [], {}).pid == starting.pid


def test_the_record_of_a_former_one_is_not_taken_for_that_of_one_that_is_starting(
    tmp_path: Path, starting: subprocess.Popen[bytes]
) -> None:
    record.write(tmp_path, CLOUD)
    assert record.running(tmp_path) is None


def test_forgetting_leaves_the_lock(tmp_path: Path, starting: subprocess.Popen[bytes]) -> None:
    record.write(tmp_path, CLOUD)
    (tmp_path / "run" / "clusters" / "c").mkdir(parents=True)
    record.forget(tmp_path)
    assert [left.name for left in (tmp_path / "run").iterdir()] == ["supervisor.lock"]
    assert record.holder(tmp_path) == starting.pid


def test_a_supervisor_that_is_told_to_stop_while_it_starts_ends_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "localcloud.supervisor", "--home", str(tmp_path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.DEVNULL) as supervisor:
        while not (tmp_path / "logs" / "aws.log").exists():
            time.sleep(0.01)
        assert client.stop(tmp_path)
        assert supervisor.wait(60) == 0
    assert not record.path(tmp_path).exists()
