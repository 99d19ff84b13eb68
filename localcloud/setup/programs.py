"""The programs of the machine, and those that set-up has to compile because they are neither installed nor downloadable.

The Pulumi CLI of the machine is used if it is new enough. Standard library only, because set-up needs this before anything
is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcloud.console import say
from localcloud.home import CHECKOUT

OLDEST = (3, 260, 0)
"""The oldest CLI that has run this stack; see docs/versions.md."""
OWN_FOLDER = "cli"
"""The folder, within the generated one, of a compiled CLI and its language host."""
_DOWNLOAD_SECONDS = 60.0
_VERSION_SECONDS = 20.0


def lacking(home: Path, part: str) -> list[str]:
    """The names of the programs to compile; this also chooses between a compiled and an installed CLI.

    An installed CLI that is new enough is used, after it has tried to download its Kubernetes provider.

    Args:
        home: the generated folder, in which the folder `cli` is created if a compiled CLI is to be used, else removed.
        part: the part to set up: `local`, `tests` or `dev`, which needs only a CLI.
    """
    # Imported here, because an old Python cannot parse these modules.
    from localcloud.go import binaries  # noqa: PLC0415
    from localcloud.go.programs import CONTROL_PLANE, CONTROL_PLANE_AND_PROVIDER, PULUMI  # noqa: PLC0415

    cli = _installed_cli(home)
    wanted = [PULUMI] if cli is None or part == "tests" else []
    if part != "dev" and not binaries.is_built(CONTROL_PLANE_AND_PROVIDER):
        wanted.append(CONTROL_PLANE if cli and _provider_is_installed(home, cli) else CONTROL_PLANE_AND_PROVIDER)
    return [program.name for program in binaries.missing(wanted)]


def _installed_cli(home: Path) -> Path | None:
    found = installed(os.environ.get("PATH", os.defpath))
    compiled = home / OWN_FOLDER
    if found and found.is_new_enough:
        shutil.rmtree(compiled, ignore_errors=True)
        return found.program
    if found and not compiled.exists():
        say(f"    {found.reason}")
    compiled.mkdir(parents=True, exist_ok=True)
    return None


def _provider_is_installed(home: Path, cli: Path) -> bool:
    """Whether the official Kubernetes provider is in the local stack's plugin folder, if need be after a download."""
    pinned = re.search(r"^pulumi-kubernetes==(\S+)", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)
    if pinned is None:
        return False
    version, pulumi_home = pinned.group(1), home / "pulumi-home"
    program = pulumi_home / "plugins" / f"resource-kubernetes-v{version}" / "pulumi-resource-kubernetes"
    if not program.exists():
        say(f"    downloading Pulumi's Kubernetes provider {version} (at most {_DOWNLOAD_SECONDS:.0f} s)")
        _download(cli, version, pulumi_home)
    return program.exists() and not program.is_symlink()


def _download(cli: Path, version: str, pulumi_home: Path) -> None:
    command = [cli, "plugin", "install", "resource", "kubernetes", version]
    environment = {**os.environ, "PULUMI_HOME": str(pulumi_home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS
        )
        said = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    if said:
        say(f"    the download failed ({said[0]}); the provider is compiled instead")


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
    def is_new_enough(self) -> bool:
        """Whether it is new enough to be used instead of a compiled one."""
        return self.version >= OLDEST

    @property
    def reason(self) -> str:
        """Why it is not used, in one line."""
        if not self.version:
            return f"{self.program} does not run here; the Pulumi CLI is compiled instead"
        have, need = (".".join(map(str, version)) for version in (self.version, OLDEST))
        return f"{self.program} is Pulumi {have}, and {need} or newer is needed; the Pulumi CLI is compiled instead"


def first_on_path(path: str) -> Path | None:
    """The first `pulumi` of a PATH, whatever its version; a CLI that set-up compiled is not counted.

    Args:
        path: folders, divided as in the environment variable PATH.
    """
    for folder in filter(None, path.split(os.pathsep)):
        found = shutil.which("pulumi", path=folder)
        if found and Path(folder).name != OWN_FOLDER:
            return Path(found)
    return None


def installed(path: str) -> Found | None:
    """The first `pulumi` of a PATH with its version."""
    found = first_on_path(path)
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
