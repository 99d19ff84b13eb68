"""What people see of a deployment: lines or a live tree, diagnostics, outputs, summary."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.engine.display.progress import Progress


def make(kind: str, stack: str, *, preview: bool, as_json: bool, config: dict[str, str]) -> Progress:
    """The display that suits where the output goes: a document, a live tree on a terminal, or plain lines."""
    if as_json:
        from localcloud.engine.display.digest import Digest as Display  # noqa: PLC0415  only what is used is loaded
    elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("CI"):
        from localcloud.engine.display.tree import Tree as Display  # noqa: PLC0415  likewise
    else:
        from localcloud.engine.display.progress import Progress as Display  # noqa: PLC0415  likewise
    return Display(kind, stack, preview, _write, config)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
