"""Which programs set-up has to compile: those that are neither installed nor can be downloaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from localcloud.console import say
from localcloud.home import CHECKOUT
from localcloud.setup import installed_cli

DOWNLOAD_SECONDS = 60.0


def lacking(home: Path, part: str) -> list[str]:
    """The names of the programs to compile; it also chooses between a compiled and an installed CLI.

    An installed CLI that is new enough is used, and first tries to download its Kubernetes provider.

    Args:
        home: the generated folder; it contains a folder for the compiled CLI if that is the one to use.
        part: what is set up: `local`, `tests` or `dev`, which needs only a CLI.
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
    found = installed_cli.find(os.environ.get("PATH", os.defpath))
    compiled = home / installed_cli.OWN_FOLDER
    if found and found.serves:
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
        say(f"    downloading Pulumi's Kubernetes provider {version} (at most {DOWNLOAD_SECONDS:.0f} s)")
        _download(cli, version, pulumi_home)
    return program.exists() and not program.is_symlink()


def _download(cli: Path, version: str, pulumi_home: Path) -> None:
    command = [cli, "plugin", "install", "resource", "kubernetes", version]
    environment = {**os.environ, "PULUMI_HOME": str(pulumi_home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS
        )
        said = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    if said:
        say(f"    the download failed ({said[0]}); the provider is compiled instead")
