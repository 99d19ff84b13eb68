"""Makes the Python environment of a scikit-learn image, once in the user's build cache for all checkouts.

Another version of scikit-learn loads a joblib model without a warning and may predict otherwise. So the environment
contains exactly the image's versions, from wheels only, or it is not made.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from localcloud import process
from localcloud.containers.images import ContainerError
from localcloud.containers.scikit_learn.versions import Versions
from localcloud.go.binaries import cache_folder
from localcloud.lock import locked

Progress = Callable[[str], None]

_INSTALL_SECONDS: Final = 900.0
_PROBE_SECONDS: Final = 20.0
_LAST_LINES: Final = 3
_PROBE: Final = "import sys, venv; print(*sys.version_info[:2], sep='.')"
_PIP: Final = "pip==24.0"  # for a script's requirements; the newest that runs in every image's Python


def ensure(versions: Versions, progress: Progress) -> Path:
    """Return the interpreter of an image's environment, and make the environment if it does not exist.

    Args:
        versions: the image's Python and packages.
        progress: takes one line for each step; it is not called if the environment exists.

    Raises:
        ContainerError: this machine has no such Python, or the registry has no wheels for it.
    """
    folder = cache_folder() / f"scikit-learn-{versions.tag}-{versions.digest}-{sys.platform}-{platform.machine()}"
    python = folder / "bin" / "python"
    if not _runs(python):
        holder = "Another job is making this environment"
        with locked(folder.with_name(f"{folder.name}.lock"), progress, holder, _unwritable):
            if not _runs(python):  # no other process made it while this one waited
                _make(versions, find_python(versions), folder, progress)
    return python


def _unwritable(error: OSError) -> ContainerError:
    return ContainerError(f"the build cache {cache_folder()} cannot be written: {error}; set XDG_CACHE_HOME")


def find_python(versions: Versions) -> Path:
    """An interpreter of the image's feature release.

    Raises:
        ContainerError: this machine has none, or none that can make environments.
    """
    for candidate in _candidates(versions.python):
        if _feature_release(candidate) == versions.python:
            return candidate
    raise ContainerError(
        f"the image sagemaker-scikit-learn:{versions.tag} has Python {versions.python}, which this machine does not have "
        f"(looked for python{versions.python} on PATH and among the Pythons of pyenv and uv). "
        f"Install it, for instance with `pyenv install {versions.python}`, and run the job again"
    )


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted((pyenv / "versions").glob(f"{version}.*/bin/python{version}"), reverse=True)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from sorted(uv.glob(f"cpython-{version}.*/bin/python{version}"), reverse=True)


def _feature_release(python: Path) -> str:
    """The feature release of an interpreter; empty if it does not run, like a pyenv shim with no version behind it."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE], capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _runs(python: Path) -> bool:
    """Whether an interpreter runs; that of an environment does not if its base interpreter was removed."""
    return (
        python.exists() and subprocess.run([python, "-I", "-c", ""], capture_output=True, check=False).returncode == 0
    )


def _make(versions: Versions, base: Path, folder: Path, progress: Progress) -> None:
    started = time.monotonic()
    progress(f"Making the environment of sagemaker-scikit-learn:{versions.tag}, once: {versions} (about half a minute)")
    for cut_off in folder.parent.glob(f".{folder.name}.*"):  # no other process uses it: this one has the lock
        shutil.rmtree(cut_off, ignore_errors=True)
    staging = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        _run([base, "-m", "venv", "--without-pip", staging], folder, "no environment could be made")
        progress(f"Installing {', '.join(versions.packages)}")
        _run(
            _pip_install(versions, staging / "lib" / f"python{versions.python}" / "site-packages"),
            folder,
            f"the registry did not serve the image's packages as wheels for Python {versions.python} on this machine",
        )
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress(f"Made the environment in {time.monotonic() - started:.0f} s: {folder}")


def _pip_install(versions: Versions, target: Path) -> list[str | Path]:
    """The command. It uses the pip of this Python: to install pip into the other one first would double the time."""
    return [
        *(sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"),
        *("--retries=5", "--no-compile", "--no-deps", "--only-binary=:all:", "--implementation=cp"),
        "--ignore-requires-python",  # pip would check its own Python; here the pins and the wheels' tags decide
        *(f"--python-version={versions.python}", "--target", target, *versions.packages, _PIP),
    ]


def _run(command: list[str | Path], folder: Path, problem: str) -> None:
    """Run a step that dies with this process.

    Raises:
        ContainerError: the step failed, or took too long; the message has its last lines of output.
    """
    log = folder.with_name(f"{folder.name}.log")
    log.unlink(missing_ok=True)
    running = process.spawn(command, log=log)
    try:
        code = running.wait(_INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        process.stop(running)
        code = f"it did not end within {_INSTALL_SECONDS:.0f} s"
    if code != 0:
        last = " / ".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
        raise ContainerError(f"{problem}: {last or code}. The whole output is in {log}")
    log.unlink()
