"""Checks what a machine must have before anything is installed, and reports all that is missing at once."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

MINIMUM_PYTHON = (3, 11)
RUNNING_BYTES = 5 * 10**8
ENVIRONMENT_BYTES = 2 * 10**9
BUILD_BYTES = 55 * 10**8  # most of it is free again when Kubernetes has been built


def missing(directory: Path, *, environment: bool, build: bool) -> list[str]:
    """What this machine lacks.

    Args:
        directory: the folder of the generated state, whose file system is measured.
        environment: whether the virtual environment is still to be created.
        build: whether the Kubernetes binaries are still to be built.

    Returns:
        One line for each thing that is missing, with what to do; empty if nothing is.
    """
    needed = RUNNING_BYTES + ENVIRONMENT_BYTES * environment + BUILD_BYTES * build
    return [line for line in (_python(), _venv(), _platform(), _disk(directory, needed)) if line]


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


def _disk(directory: Path, needed: int) -> str:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free >= needed:
        return ""
    return f"{existing} has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB are needed: free some space, then run this again"
