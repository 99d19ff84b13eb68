"""Whether an object is in sync and ready, summed up from what a look found."""

from __future__ import annotations

from typing import Final

from localcloud.operator import resource as names
from localcloud.operator.attempt import Terminal
from localcloud.operator.resource import Resource

_SYNCED: Final = "Resource synced successfully"
_NOT_SYNCED: Final = "Resource not synced"
_UNKNOWN: Final = "Unable to determine if desired resource state matches latest observed state"


def sum_up(job: Resource, stopped: Exception | None) -> None:
    """Say whether the object is in sync, if that was not said yet, and whether it is ready."""
    if job.condition(names.SYNCED) is None:
        match stopped:
            case None:
                job.set_condition(names.SYNCED, "True", _SYNCED, "")
            case Terminal():
                job.set_condition(names.SYNCED, "False", _NOT_SYNCED, str(stopped))
            case _:
                job.set_condition(names.SYNCED, "Unknown", _UNKNOWN, str(stopped))
    for kind in (names.TERMINAL, names.RECOVERABLE):
        if job.holds(kind):
            condition = job.condition(kind) or {}
            job.set_condition(names.READY, "False", condition.get("message"), kind)
            return
    synced = job.condition(names.SYNCED) or {}
    job.set_condition(names.READY, synced["status"], synced.get("message"), synced.get("reason"))
