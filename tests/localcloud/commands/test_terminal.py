"""Programs on the user's terminal: they end by themselves, even after a Ctrl-C, and ask nothing if nobody watches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.commands import terminal
from localcloud.home import CHECKOUT

# What an engine does: it takes its time to end what is under way in the account, and writes its state.
ENGINE = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("at work", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    time.sleep(1)
    pathlib.Path(sys.argv[1]).write_text("saved")
    sys.exit(3)
"""
COMMAND = """
import signal, sys
from localcloud.commands import terminal
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    terminal.run([sys.executable, "-c", *sys.argv[1:]], {})
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_exit_code_is_passed_on() -> None:
    assert terminal.run([sys.executable, "-c", "raise SystemExit(7)"], {}) == 7


def test_after_ctrl_c_an_engine_is_left_the_time_to_save_its_state(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-c", COMMAND, ENGINE, str(state)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    assert state.read_text() == "saved"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param("1", True, id="1"),
        pytest.param("yes", True, id="yes"),
        pytest.param("", False, id="empty"),
        pytest.param("0", False, id="0"),
    ],
)
def test_yes_means_that_nobody_is_there_to_answer(value: str, wanted: bool) -> None:
    environment = {"YES": value}
    assert terminal.is_wanted(environment) is wanted
    assert (terminal.flags(environment) == ("--non-interactive", "--color", "never")) is wanted
    assert (terminal.settings(environment).get("PULUMI_SKIP_CONFIRMATIONS") == "true") is wanted


def jobs(*statuses: str) -> dict[str, Any]:
    return {"transform_jobs": {f"job-{number}": {"status": status} for number, status in enumerate(statuses)}}


@pytest.mark.parametrize(
    ("code", "outputs", "expected"),
    [
        pytest.param(0, jobs("Completed"), 0, id="all went well"),
        pytest.param(255, jobs("Completed", "Failed"), 2, id="a job failed"),
        pytest.param(255, jobs("NotStarted"), 2, id="a job did not start"),
        pytest.param(255, jobs("Completed"), 1, id="something else failed"),
        pytest.param(255, {}, 1, id="it never came to jobs"),
        pytest.param(0, jobs("InProgress"), 0, id="a job for which nobody waits"),
    ],
)
def test_an_up_tells_failed_jobs_from_the_rest(code: int, outputs: dict[str, Any], expected: int) -> None:
    assert terminal.of_up(code, outputs) == expected
