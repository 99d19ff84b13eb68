"""The first checks of `up` and `destroy`: whether an earlier run was interrupted, and whether its lock may be removed.

A lock may be removed if its process is dead. Plugins may still run after their CLI has ended.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from localcloud.commands import stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.recovery import events
from localcloud.console import CommandError, say

_ORPHAN_SECONDS: Final = 30.0
# The CLI's line for each lock of a file, S3 or other object backend.
_HOLDER: Final = re.compile(r"created by \S*@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


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
        cancel_dead(pulumi, name, stack.lock_folder(home) if local else None)


def settle(pulumi: PulumiCli, home: Path, name: str, *, cut_off: bool) -> int:
    """Resolve what an interrupted run left: its pending operations, Helm releases, creations whose plugin ended.

    Plugins that still finish a call are awaited first.

    Args: as of `unlock`, which comes first.

    Returns:
        0, or the exit code of a recovery that failed and said why.
    """
    interrupted = stack.has_pending_operations(home) if name == stack.LOCAL else cut_off
    log = events.event_log(home, name)
    if not interrupted and not events.lost_creations(log):
        return 0
    await_orphans(home)
    code = pulumi.module("localcloud.commands.recovery", "--home", str(home), "--stack", name)
    if not code:
        log.unlink()
    return code


def cancel_dead(pulumi: PulumiCli, stack: str, folder: Path | None) -> None:
    """Cancel the stack's locks if all of their processes ran on this host and are dead.

    Args:
        pulumi: the CLI, in the stack's environment.
        stack: the stack's name.
        folder: a file backend's folder of the stack's locks; None to ask the CLI, which takes a second.
    """
    holders = _holders_in(folder) if folder else _holders_by_cli(pulumi, stack)
    if holders and all(_is_dead(host, pid) for host, pid in holders):
        say("    an earlier run was interrupted: cancelling its lock")
        pulumi.ask("cancel", "--yes", "--stack", stack)


def _holders_in(folder: Path) -> list[tuple[str, int]]:
    contents = (json.loads(path.read_text()) for path in folder.glob("*.json"))
    return [(content["hostname"], int(content["pid"])) for content in contents]


def _holders_by_cli(pulumi: PulumiCli, stack: str) -> list[tuple[str, int]]:
    """The holders that the CLI names when it cannot lock the stack; the import of an unchanged export changes nothing."""
    try:
        exported = pulumi.ask("stack", "export", "--stack", stack)
        pulumi.ask("stack", "import", "--stack", stack, given=exported)
    except CommandError as error:
        return [(found["host"], int(found["pid"])) for found in _HOLDER.finditer(str(error))]
    return []


def _is_dead(host: str, pid: int) -> bool:
    """Whether no Pulumi process with this pid runs on this host; another program may have the pid by now.

    A killed process stays listed as a zombie until its parent waits for it.
    """
    if host != socket.gethostname():
        return False
    listed = _ps("-ww", "-p", str(pid), "-o", "stat=,args=").strip()
    return listed.startswith("Z") or "pulumi" not in listed


def await_orphans(home: Path) -> None:
    """Wait until all plugins of the local stack whose CLI is gone have ended: they may be finishing a call.

    Args:
        home: the generated folder; its path is in the command line of the local stack's plugins.
    """
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while _orphans(home) and time.monotonic() < deadline:
        time.sleep(0.1)


def _orphans(home: Path) -> list[int]:
    rows = [line.split(None, 2) for line in _ps("-axww", "-o", "pid=,ppid=,args=").splitlines()]
    commands = {row[0]: row[2] for row in rows if len(row) == 3}
    return [
        int(pid)
        for pid, parent, command in (row for row in rows if len(row) == 3)
        if str(home) in command
        and ("pulumi-resource-" in command or "localcloud.pulumi." in command)
        and "pulumi" not in commands.get(parent, "")
    ]


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
