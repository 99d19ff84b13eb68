"""The commands on a stack in a real AWS account: the official CLI, in an environment scrubbed of everything local."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from localcloud.commands import engines, environment, local, recovery
from localcloud.commands.engines import Engine
from localcloud.console import CommandError, say
from localcloud.home import CHECKOUT


def up(home: Path, stack: str) -> int:
    """Check the account, then deploy and run the jobs; asks before it changes anything."""
    engine = _engine(home)
    if code := _module(engine, "workshop.preflight", "--stack", stack):
        return code
    code = engine.run("up", "--stack", stack, "--parallel", local.PARALLEL)
    return code or _results(home, engine, stack)


def preview(home: Path, stack: str) -> int:
    """Print what `up` would do."""
    return _engine(home).run("preview", "--stack", stack)


def destroy(home: Path, stack: str) -> int:
    """Remove all that the stack made; asks first, then lists what carries its tags."""
    engine = _engine(home)
    deployment = json.loads(engine.ask("stack", "export", "--stack", stack))["deployment"] or {}
    code = recovery.without_a_cluster(engine, deployment.get("resources") or []).run("destroy", "--stack", stack)
    return code or _module(engine, "workshop.leftovers", "--stack", stack)


def retry(home: Path, stack: str, job: str) -> int:
    """Run a job again."""
    engine = _engine(home)
    engine.ask("stack", "select", stack)
    return local.rerun(engine, job) or up(home, stack)


def report(home: Path, stack: str) -> int:
    """Run the notebook on the newest results of the account's stack."""
    return _module(_engine(home), "workshop.report", "--stack", stack, "--output", str(home / f"report-{stack}.html"))


def shell(home: Path, stack: str) -> int:
    """A shell in which pulumi, kubectl, kubectl smlogs and aws act on the account's stack."""
    engine = _engine(home)
    written = local.write_kubeconfig(home / f"kubeconfig-{stack}", _outputs(engine, stack))
    if written is None:
        raise CommandError(f"stack {stack} has no cluster yet: `make up STACK={stack}` comes first")
    say(f"pulumi, kubectl, kubectl smlogs and aws act on stack {stack} here; `exit` leaves")
    scrubbed = dict(engine.environment) | {"KUBECONFIG": str(written), "PULUMI_STACK": stack}
    return subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=scrubbed, check=False).returncode


def workshop(home: Path, stack: str, module: str) -> int:
    """Run one of the workshop's tools against the account."""
    environment_ = environment.real(home)
    command = [sys.executable, "-m", module, "--stack", stack]
    return subprocess.run(command, cwd=CHECKOUT, env=environment_, check=False).returncode


def refuse(command: str, stack: str) -> int:
    """Commands that only the local cloud has.

    Raises:
        CommandError: always, naming what there is instead.
    """
    raise CommandError(f"`make {command}` is about the local cloud; stack {stack} has up, preview, destroy and shell")


def _engine(home: Path) -> Engine:
    return engines.official(environment.real(home))


def _outputs(engine: Engine, stack: str) -> dict[str, object]:
    return json.loads(engine.ask("stack", "output", "--json", "--show-secrets", "--stack", stack))


def _results(home: Path, engine: Engine, stack: str) -> int:
    written = home / f"outputs-{stack}.json"
    local.write_private(written, json.dumps(_outputs(engine, stack)))
    return _module(engine, "workshop.results", "--outputs", str(written))


def _module(engine: Engine, module: str, *arguments: str) -> int:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=dict(engine.environment), check=False).returncode
