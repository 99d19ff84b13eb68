"""`python -m localcloud.setup`: makes a checkout ready, and is quick if it is ready already.

It runs with the machine's own interpreter, before anything is installed, so it uses the standard library only.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcloud.console import CommandError, fail, say, step
from localcloud.home import CHECKOUT, own
from localcloud.setup import programs, virtualenv

MINIMUM_PYTHON = (3, 11)
RUNNING_BYTES = 5 * 10**8
ENVIRONMENT_BYTES = 2 * 10**9
BUILD_BYTES = 55 * 10**8  # most of it is free again when Kubernetes has been built


def main(arguments: Sequence[str]) -> int:
    """Set up one part: `local` (default), `dev` (no local cloud), `report` or `tests`."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.setup", description=main.__doc__)
    parser.add_argument("part", nargs="?", choices=["local", "dev", "report", "tests"], default="local")
    part: str = parser.parse_args(arguments).part
    try:
        with _alone(own()):
            _set_up(own(), part)
    except CommandError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("interrupted; run the same command again to go on")
        return 130
    return 0


def _set_up(directory: Path, part: str) -> None:
    files = [virtualenv.PROGRAM, virtualenv.LOCAL_CLOUD, virtualenv.POLICY, virtualenv.TOOLS]
    files += [virtualenv.NOTEBOOK] if part in {"report", "tests"} else []
    files += [virtualenv.TESTS] if part == "tests" else []
    current = virtualenv.is_current(directory, CHECKOUT, files)
    # An old Python cannot even parse the code that looks for programs; the check below reports it.
    lacking = programs.lacking(directory, part) if python_is_new_enough() else []
    if lacks := missing(directory, environment=not virtualenv.python_of(directory).exists(), build=bool(lacking)):
        raise CommandError("this machine is not ready:\n" + "\n".join(f"  - {line}" for line in lacks))
    if current and not lacking:
        return
    with step("Set-up"):
        virtualenv.create(directory)
        with compiling(lacking, virtualenv.python_of(directory)):
            virtualenv.ensure(directory, CHECKOUT, files)


@contextmanager
def compiling(lacking: Sequence[str], python: Path) -> Generator[None]:
    """Compile programs in parallel with pip: one waits for the network while the other computes.

    Args:
        lacking: names of the programs to compile.
        python: an interpreter with pip, which fetches the Go toolchain; the system's own often has no pip.
    """
    if not lacking:
        yield
        return
    build = subprocess.Popen(
        [python, "-m", "localcloud.go", *lacking],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=_show, args=(build, lines), daemon=True)
    reader.start()
    try:
        yield
        failed = build.wait() != 0
        reader.join()
    except BaseException:
        build.terminate()
        raise
    if failed:
        raise CommandError(f"{' and '.join(lacking)} could not be compiled:\n" + "\n".join(lines[-6:]))


def _show(build: subprocess.Popen[str], lines: list[str]) -> None:
    for line in build.stdout or ():
        lines.append(line.rstrip())
        say("    " + lines[-1])


@contextmanager
def _alone(directory: Path) -> Generator[None]:
    """Let one set-up at a time run in a checkout; a second one waits for the first, and then has nothing to do."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("    another set-up is running in this checkout; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def missing(directory: Path, *, environment: bool, build: bool) -> list[str]:
    """List the requirements that this machine does not meet.

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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
