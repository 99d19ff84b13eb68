"""The Python environment that a project's runtime options name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from localcloud import process


class ToolchainError(Exception):
    """An option is wrong, the environment does not exist or lacks something, or a command in it failed."""


@dataclass(frozen=True)
class Toolchain:
    """An interpreter, as the options name it."""

    python: Path
    virtualenv: Path | None  # the folder of its virtual environment; None if the interpreter on PATH is used
    typechecker: str  # the type checker that checks the program before it runs; empty for none

    @classmethod
    def of(cls, info: Any, *, plugin: bool = False) -> Toolchain:
        """The environment of a program or a plugin; `check` fails if it does not exist.

        Args:
            info: the engine's ProgramInfo.
            plugin: whether it is for a plugin, which by default has a virtual environment of its own.

        Raises:
            ToolchainError: an option is wrong, or no interpreter is on PATH.
        """
        options = json_format.MessageToDict(info.options)
        for name in ("toolchain", "virtualenv", "typechecker"):
            if not isinstance(value := options.get(name, ""), str):
                raise ToolchainError(f"The '{name}' option in Pulumi.yaml must be a string, not {value!r}")
        if (name := options.get("toolchain", "pip")) != "pip":
            raise ToolchainError(f"This language host has no toolchain {name!r}: set toolchain to pip, and virtualenv")
        if (typechecker := options.get("typechecker", "")) not in {"", "mypy", "pyright"}:
            raise ToolchainError(f"unsupported typechecker option: {typechecker}")
        virtualenv = options.get("virtualenv") or ("venv" if plugin else "")
        if not virtualenv:
            return cls(_python_on_path(), None, typechecker)
        folder = Path(os.path.normpath(Path(info.root_directory, virtualenv)))
        return cls(folder / "bin" / "python", folder, typechecker)

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment variables of the interpreter: the given ones, with the virtual environment activated."""
        if not self.virtualenv:
            return dict(base)
        path = f"{self.virtualenv / 'bin'}{os.pathsep}{base.get('PATH', os.defpath)}"
        others = {name: value for name, value in base.items() if name != "PYTHONHOME"}
        return {**others, "VIRTUAL_ENV": str(self.virtualenv), "PATH": path}

    @property
    def absent(self) -> bool:
        """Whether the virtual environment has still to be made, because its folder is missing or empty."""
        folder = self.virtualenv
        return folder is not None and not folder.is_file() and not any(folder.glob("*"))

    def check(self) -> None:
        """Check that the folder is a virtual environment.

        Raises:
            ToolchainError: it is not; the message says how to make it.
        """
        if self.virtualenv and not self.python.is_file():
            state = "is not a virtual environment" if self.virtualenv.exists() else "does not exist"
            raise ToolchainError(
                f"The 'virtualenv' option in Pulumi.yaml names {self.virtualenv}, which {state}. "
                "Run `pulumi install` to make it and to install the program's requirements into it"
            )

    def install(self, folder: Path) -> Generator[bytes]:
        """Make the virtual environment if it is missing, install the folder's requirements.txt, and yield the output.

        Raises:
            ToolchainError: a step of it failed.
        """
        if self.virtualenv and not self.python.is_file():
            yield b"Creating virtual environment...\n"
            yield from self._printed(folder, _python_on_path(), "-m", "venv", self.virtualenv)
        if (folder / "requirements.txt").is_file():
            yield b"Installing dependencies in virtual environment...\n"
            yield from self._printed(folder, self.python, "-m", "pip", "install", "-r", "requirements.txt")
        yield b"Finished installing dependencies\n"

    def typecheck(self, folder: Path) -> None:
        """Check the program with the type checker that the options name.

        Raises:
            ToolchainError: it is not installed, or found errors, which the message contains.
        """
        if not self.typechecker:
            return
        excluded = self.typechecker == "mypy" and self.virtualenv
        exclude = ["--exclude", os.path.relpath(excluded, folder)] if excluded else []
        try:
            self.output("-m", self.typechecker, *exclude, str(folder), cwd=folder)
        except ToolchainError as error:
            raise ToolchainError(f"{self.typechecker} failed: {error}") from error

    def output(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """The output of the interpreter, run with these arguments.

        Raises:
            ToolchainError: it ended with an error; the message is its output.
        """
        child = start([self.python, *arguments], env=self.environment(), cwd=cwd)
        printed, errors = (data.decode(errors="replace") for data in child.communicate())
        if child.returncode:
            raise ToolchainError(f"{printed}{errors}".strip())
        return printed

    def _printed(self, folder: Path, *command: str | Path) -> Generator[bytes]:
        child = start(command, env=self.environment(), cwd=folder, stderr=subprocess.STDOUT)
        yield from child.stdout or ()
        if code := child.wait():
            raise ToolchainError(f"`{' '.join(map(str, command))}` ended with exit code {code}")


def start(command: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that ends with this one, with the options of `process.popen`.

    Raises:
        ToolchainError: it cannot be started.
    """
    try:
        return process.popen(command, **options)
    except OSError as error:
        raise ToolchainError(f"{command[0]} cannot be started: {error.strerror}") from error


def _python_on_path() -> Path:
    names = [command] if (command := os.environ.get("PULUMI_PYTHON_CMD")) else ["python3", "python"]
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    raise ToolchainError(f"There is no {' or '.join(names)} on PATH: install Python 3.11 or newer")
