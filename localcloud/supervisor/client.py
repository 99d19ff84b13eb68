"""Starts, finds and stops the local cloud, for the commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from localcloud.console import CommandError
from localcloud.home import CHECKOUT
from localcloud.supervisor import record

START_SECONDS = 310.0  # a little longer than the supervisor waits for the AWS endpoint, so that its reason can be shown
STOP_SECONDS = 30.0


def start(home: Path, stacks: Sequence[str], environment: Mapping[str, str], port: int = 0) -> record.Cloud:
    """Start the cloud, detached from terminal and caller, and wait until it serves.

    If one is already starting, because an earlier command was killed, it waits for that one.

    Args:
        home: the folder of generated state.
        stacks: the stacks, `<project>/<stack>`, that the local plugins may act for.
        environment: the supervisor's environment variables.
        port: the port of the AWS endpoint; 0 takes a free one.

    Raises:
        CommandError: it did not start; the message has the end of its log.
    """
    log = home / "logs" / "supervisor.log"
    return _joined(home) or _wait(home, _launch(home, stacks, environment, port, log), log)


def _joined(home: Path) -> record.Cloud | None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and record.alive(home):
        if cloud := record.running(home):
            return cloud
        time.sleep(0.05)
    return None


def _launch(
    home: Path, stacks: Sequence[str], environment: Mapping[str, str], port: int, log: Path
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    registered = [argument for stack in stacks for argument in ("--stack", stack)]
    command = [sys.executable, "-m", "localcloud.supervisor", "--home", home, "--port", str(port), *registered]
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:  # noqa: PTH123  mode at creation
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd=CHECKOUT,
            env=dict(environment),
            start_new_session=True,
        )


def _wait(home: Path, supervisor: subprocess.Popen[bytes], log: Path) -> record.Cloud:
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline and supervisor.poll() is None:
            cloud = record.read(home)
            if cloud and cloud.pid == supervisor.pid:
                return cloud
            time.sleep(0.05)
    except KeyboardInterrupt:
        supervisor.terminate()
        raise
    supervisor.terminate()
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-3:])
    raise CommandError(f"the local cloud did not start; its logs are in {log.parent}\n{tail}")


def stop(home: Path) -> bool:
    """Stop the cloud if it runs, or is starting, by its own pid.

    Returns:
        Whether one ran.

    Raises:
        CommandError: it still runs after a SIGKILL.
    """
    pid = record.holder(home)
    if pid is None:
        return False
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _gone(home, seconds):
            return True
    raise CommandError(f"the local cloud (process {pid}) does not stop; see {home / 'logs' / 'supervisor.log'}")


def _gone(home: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not record.alive(home):
            return True
        time.sleep(0.05)
    return False
