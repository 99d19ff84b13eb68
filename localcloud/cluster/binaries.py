"""Where the programs of a control plane come from: `KUBEBUILDER_ASSETS`, the user's build cache, or a build.

The build is named by a digest of all that decides its result, so a change of a pinned version makes a new one beside
the old, and any number of checkouts share one. It is made under a lock and moved into place when it is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcloud.cluster import gobuild
from localcloud.cluster.errors import BuildError

Progress = Callable[[str], None]

SOURCES: Final = Path(__file__).parent / "controlplane"
NAMES: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
_CACHE_NAME: Final = "sagemaker-batch-workshop"


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the four programs."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path

    @classmethod
    def within(cls, folder: Path) -> Binaries:
        return cls(*(folder / name for name in NAMES))

    @property
    def missing(self) -> list[str]:
        """Names of those that are not there or cannot be run."""
        paths = (self.etcd, self.kube_apiserver, self.kube_controller_manager, self.kubectl)
        return [path.name for path in paths if not os.access(path, os.X_OK)]

    def version(self) -> str:
        """The version that the API server says it is, as `v1.35.4`.

        Raises:
            BuildError: the program does not run on this machine.
        """
        try:
            answer = subprocess.run([self.kube_apiserver, "--version"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BuildError(f"{self.kube_apiserver} does not run on this machine: {error}") from error
        return answer.stdout.strip().removeprefix("Kubernetes ")


def ensure(progress: Progress = print) -> Binaries:
    """The programs, built first if need be.

    Args:
        progress: gets one line for each thing that is done, nothing when all is there.

    Raises:
        BuildError: they cannot be had; the text says why and what to do.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return _from_assets(Path(assets))
    folder = cache_folder() / build_name()
    binaries = Binaries.within(folder)
    if binaries.missing:
        with locked(cache_folder(), progress):
            if binaries.missing:  # nobody else made them while this process waited
                gobuild.build(SOURCES, folder, NAMES, progress)
    return binaries


def built() -> Binaries | None:
    """The programs if they are there already, else None; builds nothing."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found = Binaries.within(Path(assets).absolute() if assets else cache_folder() / build_name())
    return None if found.missing else found


def cache_folder() -> Path:
    """The user's build cache of this project."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / _CACHE_NAME


def build_name() -> str:
    """The name of the build that these sources make for this machine."""
    digest = hashlib.sha256(repr(gobuild.RECIPE).encode())
    for source in (*sorted(SOURCES.glob("*.go")), SOURCES / "go.mod", SOURCES / "go.sum"):
        digest.update(source.read_bytes())
    return f"control-plane-{digest.hexdigest()[:12]}-{sys.platform}-{platform.machine().lower()}"


@contextlib.contextmanager
def locked(folder: Path, progress: Progress) -> Generator[None]:
    """Be the only one who builds in a folder; the lock goes with its process, however that ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise BuildError(f"The build cache {folder} cannot be written: {error}. Set XDG_CACHE_HOME") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"Another process builds the control plane; waiting for it ({folder / 'lock'})")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _from_assets(folder: Path) -> Binaries:
    binaries = Binaries.within(folder.absolute())
    if binaries.missing:
        raise BuildError(
            f"KUBEBUILDER_ASSETS is set to {folder}, which lacks {', '.join(binaries.missing)}: "
            "put them there, or unset it to have them built"
        )
    return binaries
