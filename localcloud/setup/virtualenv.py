"""The virtual environment in the generated folder, created once, and again when a requirements file changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from localcloud.console import CommandError, say

PROGRAM = Path("requirements.txt")
LOCAL_CLOUD = Path("localcloud/requirements.txt")
POLICY = Path("policy/requirements.txt")
TOOLS = Path("workshop/requirements.txt")
NOTEBOOK = Path("notebooks/requirements.txt")
TESTS = Path("tests/requirements.txt")
# The packages of all these files and those that they require, so that every version is pinned.
CONSTRAINTS = Path("localcloud/setup/constraints.txt")


def python_of(home: Path) -> Path:
    """The interpreter of the virtual environment."""
    return home / "venv" / "bin" / "python"


def is_current(home: Path, checkout: Path, requirements: Sequence[Path]) -> bool:
    """Whether the environment exists and has the packages of these requirements files."""
    stamps = _stamps(home, checkout, requirements)
    return python_of(home).exists() and all(stamp.exists() for stamp in stamps)


def create(home: Path) -> None:
    """Create the environment if it does not exist, with nothing but pip in it.

    Raises:
        CommandError: it cannot be created.
    """
    if _runs(python_of(home)):
        return
    shutil.rmtree(home / "venv", ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", home / "venv"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"no virtual environment could be created in {home / 'venv'}:\n{done.stdout}{done.stderr}")


def ensure(home: Path, checkout: Path, requirements: Sequence[Path]) -> None:
    """Install the packages of the requirements files into the environment.

    Raises:
        CommandError: it cannot be created or pip fails; the message has pip's last lines and the log's path.
    """
    create(home)
    if is_current(home, checkout, requirements):
        return
    say(f"    installing Python packages into {home / 'venv'} (1 to 3 minutes the first time)")
    _pip_install(home, checkout, requirements)
    _install_checkout(home, checkout)
    for stamp in _stamps(home, checkout, requirements):
        stamp.touch()


def _stamps(home: Path, checkout: Path, requirements: Sequence[Path]) -> list[Path]:
    pinned = (checkout / CONSTRAINTS).read_bytes()
    digests = (hashlib.sha256((checkout / path).read_bytes() + pinned).hexdigest()[:16] for path in requirements)
    return [home / "venv" / f".installed-{digest}" for digest in digests]


def _runs(python: Path) -> bool:
    """Whether an environment can be used: its base interpreter may be gone or too old, or its creation was interrupted."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _pip_install(home: Path, checkout: Path, requirements: Sequence[Path]) -> None:
    log = home / "logs" / "pip.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    files = [argument for path in requirements for argument in ("-r", str(checkout / path))]
    with log.open("w") as sink:
        if TESTS in requirements:
            _install_pins(home, checkout, sink)
        command = _pip(home, "--retries", "5", "--timeout", "30", *files, "-c", str(checkout / CONSTRAINTS))
        done = subprocess.run(command, stdout=sink, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = "\n".join(log.read_text().splitlines()[-5:])
        raise CommandError(f"pip could not install the requirements; run the command again, or read {log}:\n{tail}")


def _install_checkout(home: Path, checkout: Path) -> None:
    """Install the project itself, so that a notebook can import its packages from any folder."""
    project = ["--no-deps", "--no-build-isolation", "--editable", str(checkout)]
    done = subprocess.run(_pip(home, *project), capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"pip could not install the project into {home / 'venv'}:\n{done.stdout}{done.stderr}")


def _install_pins(home: Path, checkout: Path, sink: IO[str]) -> None:
    """Install everything that is pinned by two pips at once, each of which takes half; that halves the time.

    The pip that runs after them installs the rest, and checks everything.
    """
    pins = pinned((checkout / CONSTRAINTS).read_text())
    halves = [
        subprocess.Popen(_pip(home, "--no-deps", "--retries", "1", *half), stdout=sink, stderr=subprocess.STDOUT)
        for half in (pins[::2], pins[1::2])
        if half
    ]
    try:
        for half in halves:
            half.wait()
    finally:
        for half in halves:
            half.terminate()  # has no effect if it has ended


def pinned(constraints: str) -> list[str]:
    """The lines of a constraints file that pin a package, without comments."""
    bare = (line.partition("#")[0].strip() for line in constraints.splitlines())
    return [line for line in bare if line]


def _pip(home: Path, *arguments: str) -> list[str]:
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    # The SDKs have thousands of modules that are never imported, and compiling them would take half of the time.
    return [str(python_of(home)), "-m", "pip", "install", *quiet, "--no-compile", *arguments]
