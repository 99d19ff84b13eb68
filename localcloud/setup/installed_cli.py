"""The Pulumi CLI of the machine, and whether it can be used; otherwise one is compiled.

Standard library only, because set-up needs this before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 260, 0)
"""The oldest CLI that has run this stack; see docs/versions.md."""

OWN_FOLDER = "cli"
"""The folder, within the generated one, of a compiled CLI and its language host."""

_VERSION_SECONDS = 20.0


@dataclass(frozen=True)
class Found:
    """A `pulumi` on PATH.

    Attributes:
        program: its path.
        version: the one that it prints, such as (3, 274, 1); empty if it does not run.
    """

    program: Path
    version: tuple[int, ...]

    @property
    def serves(self) -> bool:
        """Whether it is new enough to be used instead of a compiled one."""
        return self.version >= OLDEST

    @property
    def reason(self) -> str:
        """Why it is not used, in one line."""
        if not self.version:
            return f"{self.program} does not run here; the Pulumi CLI is compiled instead"
        have, need = (".".join(map(str, version)) for version in (self.version, OLDEST))
        return f"{self.program} is Pulumi {have}, and {need} or newer is needed; the Pulumi CLI is compiled instead"


def program(path: str) -> Path | None:
    """The first `pulumi` of a PATH, whatever its version; a compiled one of ours is not counted.

    Args:
        path: folders, divided as in the environment variable PATH.
    """
    for folder in filter(None, path.split(os.pathsep)):
        found = shutil.which("pulumi", path=folder)
        if found and Path(folder).name != OWN_FOLDER:
            return Path(found)
    return None


def find(path: str) -> Found | None:
    """The first `pulumi` of a PATH with its version."""
    found = program(path)
    return Found(found, _version(found)) if found else None


def _version(program: Path) -> tuple[int, ...]:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            [program, "version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_SECONDS,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    said = re.search(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, said.groups())) if said and done.returncode == 0 else ()
