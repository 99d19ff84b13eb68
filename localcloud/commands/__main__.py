"""`python -m localcloud.commands COMMAND`, which the Makefile's targets run."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcloud.commands import account, cloud, local, stack
from localcloud.console import CommandError, fail
from localcloud.home import own

# Commands that change the stack hold the checkout; those that only read do not.
ALONE = {"up", "preview", "destroy", "down", "reset", "retry", "crds"}
TOOLS = {
    "compare": "workshop.compare",
    "cost": "workshop.cost",
    "leftovers": "workshop.leftovers",
    "preflight": "workshop.preflight",
    "results": "workshop.results",
}
COMMANDS = sorted({*ALONE, *TOOLS, "status", "logs", "report", "shell", "tick"})
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
    if name != stack.LOCAL:
        return _account(command, name, job)(own())
    os.environ["LOCALCLOUD_HOME"] = str(own())
    return _local(command, job)(own())


def _local(command: str, job: str) -> Callable[[Path], int]:
    if command in TOOLS and command != "cost":
        return lambda directory: local.workshop(directory, TOOLS[command])
    return {
        "cost": local.cost,
        "up": local.up,
        "preview": local.preview,
        "destroy": local.destroy,
        "down": local.down,
        "reset": local.reset,
        "shell": local.shell,
        "status": cloud.status,
        "logs": cloud.logs,
        "report": lambda directory: local.report(directory, job),
        "retry": lambda directory: local.retry(directory, job),
        "crds": lambda directory: local.workshop(directory, "workshop.crds"),
        "tick": lambda directory: local.run_now(directory, job),
    }[command]


def _account(command: str, name: str, job: str) -> Callable[[Path], int]:
    if command in TOOLS:
        return lambda directory: account.workshop(directory, name, TOOLS[command])
    acts: dict[str, Callable[[Path], int]] = {
        "up": lambda directory: account.up(directory, name),
        "preview": lambda directory: account.preview(directory, name),
        "destroy": lambda directory: account.destroy(directory, name),
        "report": lambda directory: account.report(directory, name),
        "shell": lambda directory: account.shell(directory, name),
        "retry": lambda directory: account.retry(directory, name, job),
        "crds": lambda directory: account.crds(directory, name),
        "tick": lambda directory: account.run_now(directory, name, job),
    }
    return acts.get(command, lambda _: account.refuse(command, name, {*acts, *TOOLS}))


@contextmanager
def alone(home: Path, command: str) -> Generator[None]:
    """Lock the checkout for a command; the kernel releases the lock when the process ends, however it ends.

    Raises:
        CommandError: another command holds the lock; the message names the command and its process.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "command.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CommandError(
                f"another command is at work on this stack: {lock.read().strip()}; run `{command}` again when it has ended"
            ) from None
        lock.truncate(0)
        lock.write(f"`{command}`, process {os.getpid()}")
        lock.flush()
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
