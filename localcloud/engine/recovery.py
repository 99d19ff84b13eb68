"""Recovery: what goes on after an engine was cut off. The official engine leaves all of this to its user.

- A lock whose process is dead, on this host, is dropped.
- Plugins that outlived their engine are waited for: they end by themselves, and may be finishing a call.
- For each creation that was under way, the provider is asked (function `<package>:index:localFind`) whether the object
  exists. One that does is taken into the state; of one that does not, the entry is cleared. A provider that cannot tell
  leaves the entry where it is, and the user is warned, as by the official engine.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.engine import urns
from localcloud.engine.backend import StackFiles
from localcloud.engine.checkpoint import PendingOperation
from localcloud.engine.deployment import Deployment
from localcloud.engine.errors import EngineError
from localcloud.engine.execution import protect_outputs
from localcloud.engine.provider import Provider
from localcloud.engine.resource import Resource, now
from localcloud.engine.values import without_secrets
from localcloud.process import is_alive

_ORPHAN_SECONDS = 15.0
_PROC = Path("/proc")


def drop_dead_locks(files: StackFiles, root: Path, say: Callable[[str], None]) -> int:
    """Remove the locks of engines that are no more, and wait for what they left running; how many there were."""
    dead = [path for path, content in files.holders() if _is_dead(content)]
    for path in dead:
        path.unlink(missing_ok=True)
    if dead:
        say(f"dropped {len(dead)} lock(s) of an engine that was cut off")
        _await_orphans(root)
    return len(dead)


def _is_dead(lock: dict[str, Any]) -> bool:
    pid = lock.get("pid")
    if lock.get("hostname") != socket.gethostname() or not isinstance(pid, int):
        return False
    return not is_alive(pid) or _started_after(pid, str(lock.get("timestamp")))


def _started_after(pid: int, timestamp: str) -> bool:
    """Whether a process is younger than a lock, that is, has only inherited the number; False where nobody can tell."""
    try:
        ticks = int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
        uptime = float((_PROC / "uptime").read_text().split()[0])
        started = time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
        return started > datetime.fromisoformat(timestamp).timestamp() + 2
    except (OSError, ValueError, IndexError):
        return False


def _await_orphans(root: Path) -> None:
    """Wait until no plugin whose engine is gone is at work in the project's folder."""
    if not _PROC.is_dir():
        time.sleep(1.5)  # plugins look for their parent every half second
        return
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while _orphans(root) and time.monotonic() < deadline:
        time.sleep(0.1)


def _orphans(root: Path) -> list[int]:
    found: list[int] = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            plugin = b"pulumi-resource-" in command or b"localcloud.pulumi" in command
            if plugin and parent == 1 and (folder / "cwd").readlink() == root:
                found.append(int(folder.name))
    return found


async def recover(deployment: Deployment) -> None:
    """Settle the creations that were under way when an earlier engine was cut off."""
    journal = deployment.journal
    pending = [operation for operation in journal.base.pending if operation.type == "creating"]
    if not pending:
        return
    resources = list(journal.base.resources)
    left: list[PendingOperation] = []
    for operation in pending:
        try:
            found = await _find(deployment, operation.resource)
        except EngineError:
            left.append(operation)
            continue
        journal.end(operation)
        if found is None:
            deployment.observer.diagnostic("info", operation.resource.urn, "recovered: it had not been created")
        else:
            deployment.observer.diagnostic("info", found.urn, f"recovered: it had been created ({found.id})")
            resources = _take_in(found, resources)
    journal.replace_base(resources)
    deployment.rebase(resources)
    await journal.flush()
    warn(deployment, left)


def warn(deployment: Deployment, left: list[PendingOperation]) -> None:
    """Say, as the official engine does, which creations are in doubt."""
    if left:
        lines = "\n".join(f"  * {each.resource.urn}, interrupted while {each.type}" for each in left)
        deployment.observer.diagnostic(
            "warning",
            "",
            f"Attempting to deploy or update resources with {len(left)} pending operations from previous deployment.\n"
            f"{lines}\nThese resources are in an unknown state because the Pulumi CLI was interrupted while waiting for "
            "changes to these resources to complete. You should confirm whether or not the operations listed completed "
            "successfully by checking the state of the appropriate provider.",
        )


async def _find(deployment: Deployment, planned: Resource) -> Resource | None:
    """The object that a cut-off creation left, with its outputs; None when there is none.

    Raises:
        EngineError: the provider cannot tell.
    """
    provider = await deployment.generator.ensure_provider(planned)
    if provider is None:
        return None
    arguments = {
        "type": planned.type,
        "name": urns.name_of(planned.urn),
        "urn": planned.urn,
        "inputs": without_secrets(planned.inputs),
    }
    token = f"{urns.package_of(planned.type)}:index:localFind"
    answer = await provider.invoke(token, arguments, preview=False)
    if answer.failures:
        raise EngineError("; ".join(failure.reason for failure in answer.failures))
    identifier = answer.properties.get("id")
    if not identifier:
        return None
    return await _complete(provider, planned, str(identifier))


async def _complete(provider: Provider, planned: Resource, identifier: str) -> Resource | None:
    result = await provider.read(planned.urn, identifier, planned.inputs, {})
    if not result.id or result.outputs is None:
        return None
    planned.id, planned.outputs, planned.init_errors = result.id, result.outputs, result.init_errors
    planned.created = planned.modified = now()
    planned.delete = planned.pending_replacement = False
    protect_outputs(planned)
    planned.changed()
    return planned


def _take_in(found: Resource, resources: list[Resource]) -> list[Resource]:
    """The state with a recovered object: in place of the one it replaces, or beside it, or as a new one."""
    if any(each.urn == found.urn and each.id == found.id and not each.delete for each in resources):
        return resources
    for at, each in enumerate(resources):
        if each.urn != found.urn or each.delete:
            continue
        if each.pending_replacement:
            return [*resources[:at], found, *resources[at + 1 :]]
        each.delete = True
        each.changed()
    return [*resources, found]
