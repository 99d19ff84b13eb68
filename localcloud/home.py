"""Where the local cloud keeps what it generates: one folder, `LOCALCLOUD_HOME`, by default `.local` in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder of all generated state, absolute; not created here."""
    return Path(os.environ.get("LOCALCLOUD_HOME") or CHECKOUT / ".local").resolve()
