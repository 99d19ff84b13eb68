"""A program that runs on the user's terminal ends by itself, even after a Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

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
