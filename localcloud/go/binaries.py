"""Where compiled programs come from: the user's build cache, or a build.

The name of a build contains a digest of everything that affects its result. So a change of a pinned version makes a new
build beside the old one, and all checkouts share a build. It is made under a lock and moved into place when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcloud.go import build
from localcloud.go.programs import CONTROL_PLANE, CONTROL_PLANE_AND_PROVIDER, BuildError, Program
from localcloud.lock import locked

Progress = Callable[[str], None]

_CACHE_NAME: Final = "sagemaker-batch-workshop"
_SOURCES: Final = {".go", ".mod", ".sum"}  # an editor or a file manager may put other files beside them


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the control plane's programs."""

    control_plane: Path
    kubectl: Path

    @classmethod
    def within(cls, folder: Path) -> Binaries:
        return cls(*(folder / name for name in CONTROL_PLANE.names))


def ensure(programs: Iterable[Program], progress: Progress = print) -> None:
    """Build those programs that are not built yet.

    Args:
        programs: the programs that are needed.
        progress: gets one line for each step, and nothing if everything is built already.

    Raises:
        BuildError: they cannot be built; the text says why and what to do.
    """
    if missing(programs):
        holder = "another process is compiling these programs"
        with locked(cache_folder() / "lock", progress, holder, _unwritable):
            if lacking := missing(programs):  # no other process made them while this one waited
                build.build({program: folder(program) for program in lacking}, cache_folder(), progress)


def _unwritable(error: OSError) -> BuildError:
    return BuildError(f"The build cache {cache_folder()} cannot be written: {error}. Set XDG_CACHE_HOME")


def missing(programs: Iterable[Program]) -> list[Program]:
    """Those of the programs that are not built."""
    return [program for program in programs if not is_built(program)]


def is_built(program: Program) -> bool:
    """Whether every name of the program is in the build cache and can be run."""
    return all(os.access(folder(program) / name, os.X_OK) for name in program.names)


def control_plane() -> Binaries:
    """The programs of the control plane, from the build cache.

    Raises:
        BuildError: they are not built.
    """
    for program in (CONTROL_PLANE_AND_PROVIDER, CONTROL_PLANE):
        if is_built(program):
            return Binaries.within(folder(program))
    raise BuildError("The programs of the control plane are not built: run `make setup`")


def kubectl() -> Path | None:
    """The kubectl of the control plane; None if it is not built."""
    try:
        return control_plane().kubectl
    except BuildError:
        return None


def folder(program: Program) -> Path:
    """The folder of a program's build, whether or not it exists."""
    return cache_folder() / build_name(program)


def cache_folder() -> Path:
    """The user's build cache of this project."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / _CACHE_NAME


def build_name(program: Program) -> str:
    """The name of the build of a program's present sources for this machine."""
    digest = hashlib.sha256(repr((program.flags, program.names, program.embedded)).encode())
    for source in sorted(program.sources.glob("[!.]*")):
        if source.suffix in _SOURCES:
            digest.update(source.read_bytes())
    return f"{program.name}-{digest.hexdigest()[:12]}-{sys.platform}-{platform.machine().lower()}"
