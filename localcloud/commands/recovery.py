"""Go on after a run that was cut off, where the engine does not do so by itself.

The embedded engine recovers at the start of each run. The official CLI leaves a lock after a kill and keeps
pending creations until they are cleared (facts seen with v3.26x), so both are done for it here.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

from localcloud.commands import stack
from localcloud.commands.engines import Engine
from localcloud.console import say
from localcloud.process import is_alive


def recover(engine: Engine, home: Path) -> None:
    """Drop a lock whose process is dead on this host, and settle pending creations."""
    if engine.kind == "embedded":
        return
    if _dead_locks(home):
        say("    a former run was cut off: dropping its lock")
        engine.ask("cancel", "--yes")
    if _pending_creations(home):
        say("    a former run was cut off while it created resources: refreshing")
        engine.ask("refresh", "--yes", "--skip-preview", "--clear-pending-creates")


def _dead_locks(home: Path) -> list[Path]:
    folder = home / "pulumi" / ".pulumi" / "locks" / "organization" / stack.project() / stack.LOCAL
    return [path for path in folder.glob("*.json") if _is_dead(path)]


def _is_dead(lock: Path) -> bool:
    holder = json.loads(lock.read_text())
    return holder["hostname"] == socket.gethostname() and not is_alive(int(holder["pid"]))


def _pending_creations(home: Path) -> bool:
    try:
        content = json.loads(stack.checkpoint(home).read_text())
    except FileNotFoundError:
        return False
    operations = (content["checkpoint"].get("latest") or {}).get("pending_operations") or []
    return any(operation["type"] == "creating" for operation in operations)
