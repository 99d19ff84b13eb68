"""Commands on the person's terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from localcloud.home import CHECKOUT


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
