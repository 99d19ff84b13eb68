"""The embedded engine beside the official one, when that is on PATH: 100 and 1,000 custom resources, and our stack."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._clock import fresh_checkout
from localcloud.commands.engines import official_cli
from tests.e2e.checkout import Checkout

_CHECKOUT = Path(__file__).resolve().parent.parent
_PLUGIN = _CHECKOUT / "tests/localcloud/engine/plugin"
_PROGRAM = """
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, **props):
        super().__init__("scripted:index:Thing", name, props)

for at in range({count}):
    Thing(f"thing-{{at}}", value=at, payload={{f"key{{each}}": "x" * 50 for each in range(10)}})
"""
_COMMANDS = {
    "up": ("up", "--yes", "--skip-preview"),
    "unchanged up": ("up", "--yes", "--skip-preview"),
    "preview": ("preview",),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


def main() -> None:
    """Print seconds of both, and their ratio; the official engine's thousand takes minutes, and runs only if asked for."""
    peer = official_cli(os.environ.get("PATH", ""))
    for count in (100, 1000):
        ours = measure([sys.executable, "-m", "localcloud.engine"], count)
        wanted = peer is not None and (count == 100 or os.environ.get("BENCH_FULL"))
        theirs = measure([peer], count) if peer and wanted else {}
        _show(f"{count:5} resources", ours, theirs)
    _show("the project's stack", measure_stack("pulumi"), measure_stack(peer) if peer else {})
    if peer is None:
        print("no official pulumi on PATH: nothing to compare with")
    elif not os.environ.get("BENCH_FULL"):
        print("BENCH_FULL=1 also runs the official engine with 1,000 resources (minutes)")


def _show(title: str, ours: dict[str, float], theirs: dict[str, float]) -> None:
    for name, seconds in ours.items():
        ratio = f"official {theirs[name]:7.2f} s  ratio {seconds / theirs[name]:.2f}" if name in theirs else ""
        print(f"{title}  {name:13} {seconds:7.2f} s  {ratio}", flush=True)


def measure_stack(engine: str) -> dict[str, float]:
    """Seconds of each command on this project's stack, job included, in a local cloud of its own."""
    with fresh_checkout() as checkout:
        made = checkout.make_target("up", ENGINE="embedded")
        assert made.code == 0, made.text
        assert checkout.shell("pulumi destroy --yes --skip-preview").code == 0
        return {name: _in_shell(checkout, [engine, *command]) for name, command in _COMMANDS.items()}


def _in_shell(checkout: Checkout, command: list[str]) -> float:
    began = time.monotonic()
    said = checkout.shell(" ".join(command))
    if said.code:
        raise RuntimeError(f"{command} failed:\n{said.text}")
    return time.monotonic() - began


def measure(engine: list[str], count: int) -> dict[str, float]:
    """Seconds of each command, in a new project with a new backend."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        project.mkdir()
        (project / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
        (project / "__main__.py").write_text(_PROGRAM.format(count=count))
        env = _environment(Path(folder))
        _run([*engine, "stack", "init", "dev"], project, env)
        return {name: _run([*engine, *command], project, env) for name, command in _COMMANDS.items()}


def _environment(folder: Path) -> dict[str, str]:
    (folder / "backend").mkdir()
    (folder / "cloud").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "SCRIPTED_"))}
    return {
        **kept,
        "PULUMI_BACKEND_URL": f"file://{folder}/backend",
        "PULUMI_HOME": f"{folder}/home",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": f"{_PLUGIN}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(_CHECKOUT),
        "SCRIPTED_PYTHON": sys.executable,
        "SCRIPTED_CLOUD": f"{folder}/cloud",
    }


def _run(command: list[str], project: Path, env: dict[str, str]) -> float:
    began = time.monotonic()
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
