"""Commands on the person's terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from localcloud.home import CHECKOUT


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in the checkout until it ends by itself; returns its exit code.

    A Ctrl-C reaches it from the terminal, as it reaches us. It is left the time that it takes to end in order: Pulumi
    waits for what is under way in the account and saves its state, and may be told a second time to cut that off.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C, and the command has ended since.
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
