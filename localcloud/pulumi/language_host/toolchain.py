"""The Python environment that a project's runtime options name."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format


class ToolchainError(Exception):
    """The options are wrong, or the environment is not there."""


@dataclass(frozen=True)
class Toolchain:
    """An interpreter and the environment variables it is started with."""

    python: Path
    env: dict[str, str]

    @classmethod
    def of(cls, info: Any) -> Toolchain:
        """The environment of a program or plugin.

        Args:
            info: the engine's ProgramInfo.

        Raises:
            ToolchainError: an option is wrong, or the environment is not there.
        """
        options = json_format.MessageToDict(info.options)
        virtualenv = options.get("virtualenv")
        if not virtualenv:
            return cls(_python_on_path(), dict(os.environ))
        folder = Path(info.root_directory, virtualenv)
        python = folder / "bin" / "python"
        if not python.is_file():
            raise ToolchainError(
                f"The 'virtualenv' option in Pulumi.yaml is set to {virtualenv!r}, but {folder} is none"
            )
        return cls(python, _activated(folder))


def _python_on_path() -> Path:
    names = [command] if (command := os.environ.get("PULUMI_PYTHON_CMD")) else ["python3", "python"]
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    raise ToolchainError(f"failed to locate any of {names} on your PATH")


def _activated(folder: Path) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    env["VIRTUAL_ENV"] = str(folder)
    env["PATH"] = f"{folder / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    return env
