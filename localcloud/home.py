"""The folder of everything that the local cloud generates: `LOCALCLOUD_HOME`, by default `.local` in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def own() -> Path:
    """Find this checkout's folder, which `make` uses even in a shell of another checkout's cloud."""
    return (CHECKOUT / ".local").resolve()


def home() -> Path:
    """The absolute path of the folder of all generated state, which may not exist yet."""
    named = os.environ.get("LOCALCLOUD_HOME")
    return Path(named).resolve() if named else own()
