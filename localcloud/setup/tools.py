"""The commands of the generated folder, as small scripts: `bin` acts on the local stack only, `tools` on any."""

from __future__ import annotations

import shlex
from pathlib import Path

PLUGINS = ("aws", "eks", "kubernetes")
ENGINE = "localcloud.engine"


def write(home: Path, checkout: Path, kubectl: Path, *, embedded_engine: bool) -> None:
    """Write every command anew.

    Args:
        home: the generated folder.
        checkout: the checkout whose code the commands run.
        kubectl: the kubectl to run.
        embedded_engine: whether `pulumi` is ours; with the official CLI there is none of ours on PATH.
    """
    python = str(_python(home))
    modules = {f"bin/pulumi-resource-{name}": f"localcloud.pulumi.{name}" for name in PLUGINS}
    if embedded_engine:
        modules["bin/pulumi"] = ENGINE
    else:
        (home / "bin" / "pulumi").unlink(missing_ok=True)
    for name, module in modules.items():
        _script(home / name, checkout, home, [python, "-m", module])
    write_shared(home, checkout, kubectl)


def write_shared(home: Path, checkout: Path, kubectl: Path | None) -> None:
    """Write anew the commands that serve any stack, one in an account, too.

    Args:
        home: the generated folder.
        checkout: the checkout whose code the commands run.
        kubectl: the kubectl to run; None where the local cloud's has not been built.
    """
    python = _python(home)
    _script(home / "tools" / "kubectl-smlogs", checkout, home, [str(python), "-m", "workshop.smlogs"])
    # Through the interpreter: the line that names it in awscli's own script cannot hold a path with spaces.
    _script(home / "tools" / "aws", None, home, [str(python), str(python.with_name("aws"))])
    if kubectl:
        _script(home / "tools" / "kubectl", None, home, [str(kubectl)])


def is_embedded_engine(program: Path) -> bool:
    """Whether a `pulumi` is the command that `write` makes, in this checkout or in another."""
    try:
        with program.open("rb") as source:
            return f"-m {ENGINE} ".encode() in source.read(4096)
    except OSError:
        return False


def _python(home: Path) -> Path:
    return home / "venv" / "bin" / "python"


def _script(path: Path, checkout: Path | None, home: Path, command: list[str]) -> None:
    lines = ["#!/bin/sh"]
    if checkout:
        lines.append(f"export PYTHONPATH={shlex.quote(str(checkout))}${{PYTHONPATH:+:$PYTHONPATH}}")
        if path.parent.name == "bin":
            lines.append(f"export LOCALCLOUD_HOME={shlex.quote(str(home))}")
    lines.append(f'exec {shlex.join(command)} "$@"')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)
