"""The commands on the local stack."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from localcloud.commands import cloud, environment, recovery, stack, terminal
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.report import model_of, serving
from localcloud.console import CommandError, colour, say, step
from localcloud.supervisor import client

WORKSHOP_JOB = "churn"  # whose result the notebook shows when none is named
# Each job that is waited for takes a place, and the official CLI has few by itself.
PARALLEL = "64"
POLICY = ("--policy-pack", "policy")
"""The pack that gates every plan and deployment."""


def up(home: Path) -> int:
    """Deploy the stack, run its jobs, and print outputs, precision and recall."""
    _warn_of_real_credentials()
    running = cloud.ensure(home)
    pulumi = cloud.pulumi(home, running)
    stack.select(pulumi, home)
    with recovery.attempt(home, stack.LOCAL) as cut_off:
        recovery.unlock(pulumi, home, stack.LOCAL, cut_off=cut_off)
        if code := recovery.settle(pulumi, home, stack.LOCAL, cut_off=cut_off):
            return code
        look = ("--refresh",) if stack.open_jobs(stack.resources(home)) else ()
        with step("Deploy and run the jobs"):
            code = pulumi.run("up", "--yes", "--skip-preview", "--parallel", PARALLEL, *POLICY, *look)
    outputs = stack.outputs(pulumi)
    write_kubeconfig(home / "kubeconfig", outputs)
    shown = show_results(home, pulumi, stack.LOCAL, outputs)
    _say_what_next(home, code)
    return code or shown


def preview(home: Path) -> int:
    """Print what `make up` would do."""
    running = cloud.ensure(home)
    pulumi = cloud.pulumi(home, running)
    stack.select(pulumi, home)
    return pulumi.run("preview", *POLICY)


def destroy(home: Path) -> int:
    """Remove all that the stack made, and check by listing that nothing is left."""
    running = client.running(home)
    if running is None:
        if stack.resources(home):
            say("the local cloud is gone, and with it all that the stack made")
            cloud.forget(home)
        else:
            say("nothing stands")
        return 0
    pulumi = cloud.pulumi(home, running)
    stack.select(pulumi, home)
    with recovery.attempt(home, stack.LOCAL) as cut_off:
        recovery.unlock(pulumi, home, stack.LOCAL, cut_off=cut_off)
        recovery.let_objects_go(pulumi, stack.LOCAL, stack.resources(home))
        if code := recovery.settle(pulumi, home, stack.LOCAL, cut_off=cut_off):
            return code
        with step("Destroy"):
            code = pulumi.run("destroy", "--yes", "--skip-preview")
    (home / "kubeconfig").unlink(missing_ok=True)
    return code or pulumi.module("workshop.leftovers", "--all")


def down(home: Path) -> int:
    """Destroy, then stop the local cloud."""
    code = destroy(home)
    if code:
        say("the local cloud still runs, since not all was destroyed; `make reset` stops and forgets it all the same")
        return code
    _stop(home)
    return 0


def reset(home: Path) -> int:
    """Stop the local cloud and forget it, whatever its state."""
    _stop(home)
    cloud.forget(home)
    say("forgotten; `make up` starts afresh")
    return 0


def report(home: Path, job: str) -> int:
    """Run the notebook on the newest results into `.local/report.html`, beside it the job's model to ask row by row."""
    pulumi = _pulumi_of_running(home)
    command = ("workshop.report", "--output", str(home / "report.html"))
    found = (stack.outputs(pulumi).get("transform_jobs") or {}).get(job or WORKSHOP_JOB)
    if not found:
        return pulumi.module(*command)  # which says what jobs there are
    with ExitStack() as running:
        try:
            model = running.enter_context(model_of(found["job_name"], pulumi.client))
            url = running.enter_context(serving(model))
        except CommandError as error:
            say(f"    {error}: the report does without asking it row by row")
            return pulumi.module(*command)
        return pulumi.module(*command, "--invocations-url", url)


def shell(home: Path) -> int:
    """A shell in which pulumi, kubectl, kubectl smlogs and aws act on the local stack."""
    pulumi = _pulumi_of_running(home)
    say("pulumi, kubectl, kubectl smlogs and aws act on the local stack here; `exit` leaves")
    return terminal.run([os.environ.get("SHELL", "/bin/sh")], pulumi.environment)


def cost(home: Path) -> int:
    """Print what the stack's settings cost on AWS; needs no running cloud."""
    return cloud.pulumi(home, client.running(home)).module("workshop.cost")


def workshop(home: Path, module: str, *arguments: str) -> int:
    """Run one of the workshop's tools in the local environment."""
    return _pulumi_of_running(home).module(module, *arguments)


def retry(home: Path, job: str) -> int:
    """Run a job again: its `rerun` entry goes up by one, which changes its identity, and the stack is deployed."""
    running = cloud.ensure(home)
    pulumi = cloud.pulumi(home, running)
    stack.select(pulumi, home)
    return rerun(pulumi, stack.LOCAL, job, lambda: stack.resources(home)) or up(home)


def rerun(pulumi: PulumiCli, name: str, job: str, resources: Callable[[], Iterable[dict[str, Any]]]) -> int:
    """Count up `rerun.<job>` in a stack's config.

    Args:
        pulumi: the CLI, in the stack's environment.
        name: the stack's.
        job: the declared name.
        resources: gives those that the stack's state has; asked once a job is named.

    Raises:
        CommandError: no job is named, or none that the stack has.
    """
    if not job:
        raise CommandError(f"name the job: make retry JOB=churn{'' if name == stack.LOCAL else f' STACK={name}'}")
    known = stack.declared_jobs(resources())
    if known and job not in known:
        raise CommandError(
            f"JOB={job} is no job of this stack; there are {', '.join(known)}. A new one runs with make up"
        )
    values = json.loads(pulumi.ask("config", "--json", "--stack", name))
    entry = values.get(f"{stack.project()}:rerun", {})
    now = str((entry.get("objectValue") or json.loads(entry.get("value") or "{}")).get(job, 1))
    following = int(now) + 1 if now.isdecimal() else 2  # any other word for another run may be there
    return pulumi.run("config", "set", "--stack", name, "--path", f"rerun.{job}", str(following))


def _pulumi_of_running(home: Path) -> PulumiCli:
    running = client.running(home)
    if running is None:
        raise CommandError("the local cloud does not run: `make up` starts it")
    return cloud.pulumi(home, running)


def _stop(home: Path) -> None:
    with step("Stop the local cloud"):
        stopped = client.stop(home)
    if not stopped:
        say("    it was not running")
    environment.write_shell_file(home, None)


def show_results(home: Path, pulumi: PulumiCli, name: str, outputs: dict[str, object]) -> int:
    """Print rows, precision and recall of each job of a stack, whatever became of the others."""
    if not outputs.get("transform_jobs"):
        return 0
    written = home / ("outputs.json" if name == stack.LOCAL else f"outputs-{name}.json")
    write_private(written, json.dumps(outputs))
    with step("Rows, precision and recall of each job"):
        return pulumi.module("workshop.results", "--stack", name, "--outputs", str(written))


def write_kubeconfig(path: Path, outputs: dict[str, object]) -> Path | None:
    """Write the stack's kubeconfig; None when it has none. The output is JSON in a text, which is YAML as it stands."""
    kubeconfig = outputs.get("kubeconfig")
    if not kubeconfig:
        return None
    return write_private(path, kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig))


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as sink:  # noqa: PTH123  mode at creation
        sink.write(text)
    return path


def _warn_of_real_credentials() -> None:
    if names := environment.real_looking_credentials():
        say(f"    {', '.join(names)} of your environment are not used and not passed on: this is the local stack")


def _say_what_next(home: Path, code: int) -> None:
    if code:
        say(colour("The run did not end well.", "31") + " What is said above names the cause.")
        say(f"Logs: {home / 'logs'} (`make logs` prints their ends)")
        return
    say("Next: make report   figures of the result in one HTML file")
    say("      make shell    a shell with kubectl, kubectl smlogs, pulumi and aws on this stack")
    say("      make destroy  take it down; make down stops the local cloud too")
    say(f"Logs: {home / 'logs'}")
