"""What `up` and `destroy` check first: whether an earlier run was interrupted, and whether its lock may be removed."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from localcloud.commands import stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.recovery import locks


@contextmanager
def attempt(home: Path, name: str) -> Generator[bool]:
    """Mark a command that changes a stack as begun, until it ends regularly; yields whether the last one was interrupted.

    Args:
        home: the generated folder.
        name: the stack's.
    """
    mark = home / "run" / f"{name}.attempt"
    mark.parent.mkdir(parents=True, exist_ok=True)
    cut_off = mark.exists()
    mark.write_text(f"{os.getpid()}\n")
    try:
        yield cut_off
    finally:
        mark.unlink(missing_ok=True)


def unlock(pulumi: PulumiCli, home: Path, name: str, *, cut_off: bool) -> None:
    """Cancel the lock of an interrupted run.

    Args:
        pulumi: the CLI, in the stack's environment.
        home: the generated folder.
        name: the stack's.
        cut_off: whether the last command was interrupted. The local stack's locks are checked in any case, because a
            person may have run `pulumi` directly.
    """
    local = name == stack.LOCAL
    if local or cut_off:
        locks.cancel_dead(pulumi, name, stack.lock_folder(home) if local else None)


def settle(pulumi: PulumiCli, home: Path, name: str, *, cut_off: bool) -> int:
    """Wait for the plugins of an interrupted run, then resolve its pending operations, Helm releases included.

    Args: as of `unlock`, which comes first.

    Returns:
        0, or the exit code of a recovery that failed and said why.
    """
    if not (stack.has_pending_operations(home) if name == stack.LOCAL else cut_off):
        return 0
    locks.await_orphans(home)
    return pulumi.module("localcloud.commands.recovery", "--home", str(home), "--stack", name)
