"""What people see of a deployment: lines or a live tree, diagnostics, outputs, summary."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.engine.display.progress import Progress


def make(kind: str, stack: str, *, preview: bool, as_json: bool) -> Progress:
    """The display that suits where the output goes."""
    from localcloud.engine.display.progress import Progress

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    return Progress(kind, stack, preview, write if not as_json else lambda _: None)
