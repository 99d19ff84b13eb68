"""Commands on the person's terminal, and unattended runs: `YES=1` answers every question, and exit codes say what went wrong.

| code | meaning |
|------|---------|
| 0    | all went well |
| 1    | the command failed |
| 2    | the stack stands, and a job did not complete |
| 3    | preflight failed, and nothing was changed |

`make` itself ends with 2 whenever a command fails: only `python -m localcloud.commands` tells these apart.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.home import CHECKOUT

VARIABLE = "YES"
JOB_FAILED, PREFLIGHT_FAILED = 2, 3
_DID_NOT_COMPLETE = {"Failed", "Stopped", "NotStarted"}


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in the checkout until it ends by itself; returns its exit code.

    The terminal sends a Ctrl-C to the command and to this process. The command gets the time that it needs to end
    regularly: Pulumi waits for running operations and saves its state; a second Ctrl-C makes it stop at once.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C, and the command has ended.
    """
    interrupt: KeyboardInterrupt | None = None
    process = subprocess.Popen(command, cwd=CHECKOUT, env=dict(environment))
    while process.returncode is None:
        try:
            process.wait()
        except KeyboardInterrupt as pressed:
            interrupt = pressed
    if interrupt:
        raise interrupt
    return process.returncode


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether the run is unattended."""
    return environment.get(VARIABLE, "").lower() in {"1", "yes", "true"}


def settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables with which programs ask nothing and print plain text."""
    if not is_wanted(environment):
        return {}
    return {"PULUMI_SKIP_CONFIRMATIONS": "true", "NO_COLOR": "1", "AWS_PAGER": "", "PAGER": "cat"}


def flags(environment: Mapping[str, str] = os.environ) -> Sequence[str]:
    """Return the flags with which the Pulumi CLI asks nothing and prints plain text."""
    return ("--non-interactive", "--color", "never") if is_wanted(environment) else ()


def of_up(code: int, outputs: Mapping[str, Any]) -> int:
    """Return the exit code of an `up`, which is 2 for a failed run whose outputs have a job that did not complete.

    Args:
        code: Pulumi's.
        outputs: the stack's, after the run.
    """
    if code == 0:
        return 0
    jobs: Mapping[str, Mapping[str, str]] = outputs.get("transform_jobs") or {}
    return JOB_FAILED if any(job.get("status") in _DID_NOT_COMPLETE for job in jobs.values()) else 1
