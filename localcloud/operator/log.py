"""The operator's log: one JSON object a line on stderr, with the members that ACK's controller writes."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Final

from localcloud.operator.crd import KIND
from localcloud.operator.resource import Key

_LEVELS: Final = ("debug", "info", "warn", "error", "dpanic", "panic", "fatal")


class Log:
    """Writes what is at or above its level."""

    def __init__(self, level: str = "info") -> None:
        self._least = _LEVELS.index(level)
        self._lock = threading.Lock()

    def __call__(self, message: str, *, level: str = "info", key: Key | None = None, **details: object) -> None:
        if _LEVELS.index(level) < self._least:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry: dict[str, object] = {"level": level, "ts": now, "logger": "ackrt", "msg": message}
        if key is not None:
            entry |= {"kind": KIND, "namespace": key.namespace, "name": key.name}
        with self._lock:
            print(json.dumps(entry | details, default=str), file=sys.stderr, flush=True)


def is_level(name: str) -> bool:
    return name in _LEVELS
