"""Creations whose plugin ended in the middle. The CLI counts them as failed and keeps nothing of them in the state,
although their objects may exist.

What was planned stands in the CLI's event log, by which the Automation API follows a deployment, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_CREATIONS: Final = {"create", "create-replacement"}
# gRPC's words for a server that has ended; nobody knows then whether the object was created.
_ENDED: Final = re.compile(
    r"error reading from server|transport is closing|connection (refused|reset by peer)|code = Unavailable"
)


def event_log(home: Path, stack: str) -> Path:
    """The event log of the last deployment of a stack; it contains the inputs of resources, so only its owner may read it.

    Args:
        home: the generated folder.
        stack: the stack's name.
    """
    path = home / "run" / f"{stack}.events"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path


def lost_creations(path: Path) -> list[dict[str, Any]]:
    """The creations that failed because their plugin ended, in the form of a deployment's pending operations.

    Args:
        path: the event log, of which the last line may be incomplete.
    """
    ended, failed = set[str](), dict[str, dict[str, Any]]()
    for event in _events(path):
        said = event.get("diagnosticEvent") or {}
        if said.get("urn") and _ENDED.search(said["message"]):
            ended.add(said["urn"])
        step = (event.get("resOpFailedEvent") or {}).get("metadata") or {}
        if step.get("op") in _CREATIONS:
            failed[step["urn"]] = step["new"]
    return [{"type": "creating", "resource": planned} for urn, planned in failed.items() if urn in ended]


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return
