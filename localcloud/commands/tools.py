"""The programs of the generated folder: commands for any stack, the compiled Pulumi CLI, the local stack's plugins.

| folder | what is in it |
| --- | --- |
| `tools` | kubectl, kubectl-smlogs, aws; they act on any stack |
| `cli` | the compiled Pulumi CLI, its Python language host, and what runs dynamic providers; absent with an installed CLI |
| `pulumi-home/plugins` | the resource plugins of the local stack, where Pulumi keeps installed ones |
"""

from __future__ import annotations

import os
import shlex
import shutil
from importlib import metadata
from pathlib import Path

from localcloud.go import binaries
from localcloud.go.programs import CONTROL_PLANE_AND_PROVIDER, PULUMI
from localcloud.pulumi.language_host import scripts
from localcloud.setup.installed_cli import OWN_FOLDER

LOCAL_PLUGINS = ("aws", "eks")


def write(home: Path, checkout: Path) -> None:
    """Write the commands that act on any stack, also on one in an AWS account.

    Args:
        home: the generated folder.
        checkout: the checkout whose code the commands run.
    """
    python = _python(home)
    _script(home / "tools" / "kubectl-smlogs", [str(python), "-m", "workshop.smlogs"], checkout)
    # Through the interpreter, because the first line of awscli's own script does not work if the path has spaces.
    _script(home / "tools" / "aws", [str(python), str(python.with_name("aws"))])
    if kubectl := binaries.kubectl():
        _script(home / "tools" / "kubectl", [str(kubectl)])
    _write_cli(home)


def write_plugins(home: Path, checkout: Path) -> None:
    """Put the local stack's plugins where Pulumi looks for installed ones, under the versions of the SDKs."""
    for name in LOCAL_PLUGINS:
        command = [str(_python(home)), "-m", f"localcloud.pulumi.{name}"]
        _script(_plugin(home, name), command, checkout, LOCALCLOUD_HOME=str(home))
    kubernetes = _plugin(home, "kubernetes")
    compiled = binaries.folder(CONTROL_PLANE_AND_PROVIDER) / kubernetes.name
    if compiled.exists() and (kubernetes.is_symlink() or not kubernetes.exists()):
        kubernetes.parent.mkdir(parents=True, exist_ok=True)
        kubernetes.unlink(missing_ok=True)
        kubernetes.symlink_to(compiled)


def _plugin(home: Path, name: str) -> Path:
    folder = f"resource-{name}-v{metadata.version(f'pulumi-{name}')}"
    return home / "pulumi-home" / "plugins" / folder / f"pulumi-resource-{name}"


def _write_cli(home: Path) -> None:
    compiled = binaries.folder(PULUMI) / "pulumi"
    if not (home / OWN_FOLDER).exists() or not compiled.exists():
        return
    program = home / OWN_FOLDER / compiled.name
    if not program.exists() or program.stat().st_size != compiled.stat().st_size:
        _link(compiled, program)
    scripts.install(home / OWN_FOLDER, python=_python(home))


def _link(source: Path, target: Path) -> None:
    """Hard-link a program, because the CLI looks for its language host in its own folder, and would follow a symbolic link."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # the build cache is on another file system
        shutil.copy2(source, target)


def _python(home: Path) -> Path:
    return home / "venv" / "bin" / "python"


def _script(path: Path, command: list[str], checkout: Path | None = None, **variables: str) -> None:
    lines = ["#!/bin/sh"]
    if checkout:
        lines.append(f"export PYTHONPATH={shlex.quote(str(checkout))}${{PYTHONPATH:+:$PYTHONPATH}}")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append(f'exec {shlex.join(command)} "$@"')
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text("\n".join(lines) + "\n")
    draft.chmod(0o755)
    draft.replace(path)
