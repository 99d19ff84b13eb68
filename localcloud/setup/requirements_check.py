"""What a machine must have before anything is installed, said all at once."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

MINIMUM_PYTHON = (3, 11)
# Virtual environment 2 GB, Kubernetes binaries and their build 6 GB; once both are there a tenth is enough.
FRESH_DISK_BYTES = 8 * 10**9
SET_UP_DISK_BYTES = 5 * 10**8


def missing(directory: Path, *, fresh: bool) -> list[str]:
    """What this machine lacks.

    Args:
        directory: where the generated state goes; its file system is measured.
        fresh: whether virtual environment and binaries are still to be made.

    Returns:
        One line for each lack, with its cure; empty when all is well.
    """
    return [line for line in (_python(), _venv(), _platform(), _disk(directory, fresh=fresh)) if line]


def python_is_new_enough() -> bool:
    """Whether this interpreter can run the project's code."""
    return sys.version_info >= MINIMUM_PYTHON


def _python() -> str:
    if python_is_new_enough():
        return ""
    found = ".".join(map(str, sys.version_info[:3]))
    return (
        f"Python 3.11 or newer is needed, this is {found}: install one, or name it: make up PYTHON=/path/to/python3.12"
    )


def _venv() -> str:
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return ""
    return "Python's venv module is missing: on Debian and Ubuntu `apt install python3-venv`"


def _platform() -> str:
    if sys.platform in {"linux", "darwin"}:
        return ""
    return f"Linux or macOS is needed, this is {sys.platform}: on Windows use WSL"


def _disk(directory: Path, *, fresh: bool) -> str:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free, needed = shutil.disk_usage(existing).free, FRESH_DISK_BYTES if fresh else SET_UP_DISK_BYTES
    if free >= needed:
        return ""
    return f"{existing} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed: free some, then run it again"
