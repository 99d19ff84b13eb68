"""A scratch Pulumi project that the real CLI runs with this checkout's language host; no cloud, no plugin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

STACK = "dev"
TIMEOUT = 180  # seconds; a run takes two, on a machine that has time for it


@dataclass(frozen=True)
class Result:
    """How a command of the CLI ended, and all that it printed."""

    code: int
    text: str

    @property
    def diagnostics(self) -> str:
        """What it tells of the program, without indentation, empty lines, and the marks under a traceback's lines."""
        _, _, section = self.text.partition("Diagnostics:\n")
        section = re.split(r"\n(?:Resources|Outputs|Policies|Duration):", section)[0]
        lines = [line for line in section.splitlines() if line.strip() and line.strip("~^ ")]
        return "\n".join(line[4:] if line.startswith("    ") else line.strip() for line in lines)


class Project:
    """A folder with a Pulumi project, and a backend of its own.

    Args:
        folder: an empty folder.
        cli: the folder of the CLI with its language host.
        home: the Pulumi home, which projects may share.
    """

    def __init__(self, folder: Path, cli: Path, home: Path) -> None:
        self.folder = folder
        self._program = str(cli / "pulumi")
        (folder / "state").mkdir(parents=True)
        self.env = {
            name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AWS_", "GRPC_"))
        } | {
            "PULUMI_HOME": str(home),
            "PULUMI_STACK": STACK,
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PYTHONDONTWRITEBYTECODE": "1",  # programs of one size follow each other within a second
            "PATH": f"{cli}{os.pathsep}{os.environ['PATH']}",
        }
        self.settings()

    def settings(self, options: dict[str, Any] | None = None, **more: Any) -> None:
        """Write Pulumi.yaml."""
        options = {"toolchain": "pip", "virtualenv": sys.prefix} if options is None else options
        runtime = {"name": "python", "options": options}
        self.write("Pulumi.yaml", yaml.safe_dump({"name": "scratch", "runtime": runtime, **more}))

    def program(self, text: str) -> None:
        """Write the program."""
        self.write("__main__.py", text)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def init(self) -> None:
        """Make the stack."""
        assert self.pulumi("stack", "init", STACK).code == 0

    def copy_stack(self, other: Project) -> None:
        """Have the stack of another project, on which nothing has run: to make one takes the CLI half a second."""
        shutil.copytree(other.folder / "state", self.folder / "state", dirs_exist_ok=True)
        shutil.copy2(other.folder / f"Pulumi.{STACK}.yaml", self.folder)

    def pulumi(self, *arguments: str | Path) -> Result:
        """Run a command of the CLI to its end."""
        ended = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Result(ended.returncode, ended.stdout)

    def preview(self, *arguments: str | Path) -> Result:
        return self.pulumi("preview", *arguments)

    def up(self, *arguments: str | Path) -> Result:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments)

    def output(self, name: str) -> str:
        """An output of the stack."""
        return self.pulumi("stack", "output", name).text.strip()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of the CLI, in a session of its own as in a terminal."""
        return subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _command(self, arguments: Sequence[str | Path]) -> list[str]:
        return [self._program, "--non-interactive", *map(str, arguments)]
