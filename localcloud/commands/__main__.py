"""`python -m localcloud.commands COMMAND`, which the Makefile's targets run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcloud.commands import actions, cloud, stack
from localcloud.console import CommandError, fail
from localcloud.home import own
from localcloud.lock import try_lock

# Commands that change the stack hold the checkout; those that only read do not.
ALONE = {"up", "preview", "destroy", "down", "reset", "retry", "crds"}
TOOLS = {
    "compare": "workshop.compare",
    "cost": "workshop.cost",
    "leftovers": "workshop.leftovers",
    "preflight": "workshop.preflight",
    "results": "workshop.results",
}
OF_THE_LOCAL_CLOUD = {"down", "reset", "status", "logs"}
COMMANDS = sorted({*ALONE, *TOOLS, *OF_THE_LOCAL_CLOUD, "report", "shell", "tick"})
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run a command of the interface on a stack."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.commands", description=main.__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stack", default=os.environ.get("STACK") or stack.LOCAL)
    parser.add_argument(
        "--job", default=os.environ.get("JOB", ""), help="the declared name, for retry, tick and report"
    )
    options = parser.parse_args(arguments)
    try:
        stack.check_known(options.stack)
        if options.command in ALONE:
            with alone(own(), f"make {options.command}"):
                return _run(options.command, options.stack, options.job)
        return _run(options.command, options.stack, options.job)
    except CommandError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("interrupted; nothing is lost: run the same command again to continue")
        return INTERRUPTED


def _run(command: str, name: str, job: str) -> int:
    home = own()
    if name == stack.LOCAL:
        os.environ["LOCALCLOUD_HOME"] = str(home)
    elif command in OF_THE_LOCAL_CLOUD:
        others = ", ".join(other for other in COMMANDS if other not in OF_THE_LOCAL_CLOUD)
        raise CommandError(f"`make {command}` is for the local cloud; for stack {name} there are {others}")
    if command in TOOLS:
        return actions.tool(home, name, TOOLS[command])
    acts: dict[str, Callable[[], int]] = {
        "up": lambda: actions.up(home, name),
        "preview": lambda: actions.preview(home, name),
        "destroy": lambda: actions.destroy(home, name),
        "shell": lambda: actions.shell(home, name),
        "crds": lambda: actions.crds(home, name),
        "report": lambda: actions.report(home, name, job),
        "retry": lambda: actions.retry(home, name, job),
        "tick": lambda: actions.tick(home, name, job),
        "down": lambda: actions.down(home),
        "reset": lambda: actions.reset(home),
        "status": lambda: cloud.status(home),
        "logs": lambda: cloud.logs(home),
    }
    return acts[command]()


@contextmanager
def alone(home: Path, command: str) -> Generator[None]:
    """Lock the checkout for a command; the kernel releases the lock when the process ends, however it ends.

    Raises:
        CommandError: another command holds the lock; the message names the command and its process.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "command.lock").open("a+") as lock:
        if not try_lock(lock):
            lock.seek(0)
            raise CommandError(
                f"another command is at work on this stack: {lock.read().strip()}; run `{command}` again when it has ended"
            )
        lock.truncate(0)
        lock.write(f"`{command}`, process {os.getpid()}")
        lock.flush()
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
