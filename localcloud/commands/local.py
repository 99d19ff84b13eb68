"""The commands on the local stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from localcloud.commands import cloud, environment, jobs, recovery, stack, terminal
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.report import model_of, serving
from localcloud.console import CommandError, colour, say, step
from localcloud.supervisor import client

WORKSHOP_JOB = "churn"  # the job of the report if none is named
# Each job that Pulumi waits for occupies one of its parallel operations, whose default number is small.
PARALLEL = "64"
POLICY = ("--policy-pack", "policy")
"""The policy pack that checks every preview and deployment."""


def up(home: Path) -> int:
    """Deploy the stack, run its jobs, and print what changed, the outputs, and the table of jobs."""
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
            flags = ("--yes", "--skip-preview", "--suppress-outputs", "--parallel", PARALLEL, *POLICY, *look)
            code = pulumi.up(recovery.event_log(home, stack.LOCAL), *flags)
    if not code:
        jobs.forget_spent(pulumi, stack.LOCAL, lambda: stack.resources(home))
    outputs = stack.outputs(pulumi)
    write_kubeconfig(home / "kubeconfig", outputs)
    _say_what_next(home, outputs.get("transform_jobs") or {}, code)
    shown = show_results(home, pulumi, stack.LOCAL, outputs)
    return terminal.of_up(code, outputs) or shown


def preview(home: Path) -> int:
    """Print what `make up` would do."""
    running = cloud.ensure(home)
    pulumi = cloud.pulumi(home, running)
    stack.select(pulumi, home)
    return pulumi.run("preview", *POLICY)


def destroy(home: Path) -> int:
    """Remove everything that the stack created, and check by listing that nothing is left."""
    running = client.running(home)
    if running is None:
        if stack.resources(home):
            say("the local cloud is gone, and with it everything that the stack created")
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
        code = jobs.end_schedules(pulumi, stack.LOCAL, stack.resources(home), "--yes", "--skip-preview")
        with step("Destroy"):
            code = code or pulumi.run("destroy", "--yes", "--skip-preview")
    (home / "kubeconfig").unlink(missing_ok=True)
    return code or pulumi.module("workshop.leftovers", "--all", "--no-records")


def down(home: Path) -> int:
    """Destroy, then stop the local cloud."""
    code = destroy(home)
    if code:
        say(
            "the local cloud still runs, because something could not be destroyed; `make reset` stops it and deletes its state"
        )
        return code
    _stop(home)
    return 0


def reset(home: Path) -> int:
    """Stop the local cloud and delete its state, whatever that is."""
    _stop(home)
    cloud.forget(home)
    say("the local cloud's state is deleted; `make up` starts a new one")
    return 0


def report(home: Path, job: str) -> int:
    """Run the notebook on the newest results into `.local/report.html`, with the job's model served for single rows."""
    pulumi = _pulumi_of_running(home)
    jobs = stack.outputs(pulumi).get("transform_jobs") or {}
    name = job or (WORKSHOP_JOB if WORKSHOP_JOB in jobs else next(iter(jobs), WORKSHOP_JOB))
    command = ("workshop.report", "--job", name, "--output", str(home / "report.html"))
    found = jobs.get(name)
    if not found or found["status"] != "Completed":
        return pulumi.module(*command)  # it prints which jobs there are, or why this one has no report
    with ExitStack() as running:
        try:
            model = running.enter_context(model_of(found["job_name"], pulumi.client))
            url = running.enter_context(serving(model))
        except CommandError as error:
            say(f"    {error}: the report does not compare with single rows")
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


def run_now(home: Path, job: str) -> int:
    """Run a scheduled job now."""
    return jobs.tick(_pulumi_of_running(home), stack.LOCAL, job)


def retry(home: Path, job: str) -> int:
    """Run a job again: its `rerun` entry goes up by one, which changes its identity, and the stack is deployed."""
    running = cloud.ensure(home)
    pulumi = cloud.pulumi(home, running)
    stack.select(pulumi, home)
    return jobs.count_up(pulumi, stack.LOCAL, job, lambda: stack.resources(home)) or up(home)


def _pulumi_of_running(home: Path) -> PulumiCli:
    running = client.running(home)
    if running is None:
        raise CommandError("the local cloud is not running: `make up` starts it")
    return cloud.pulumi(home, running)


def _stop(home: Path) -> None:
    with step("Stop the local cloud"):
        stopped = client.stop(home)
    if not stopped:
        say("    it was not running")
    environment.write_shell_file(home, None)


def show_results(home: Path, pulumi: PulumiCli, name: str, outputs: dict[str, object]) -> int:
    """Print the outputs in short and a table of the jobs, however they ended: the end of what `make up` prints."""
    if outputs.get("scheduled_jobs"):
        with step("Newest runs of scheduled jobs"):
            pulumi.module("workshop.scheduled", "--stack", name)
    if not outputs.get("transform_jobs"):
        return 0
    written = home / ("outputs.json" if name == stack.LOCAL else f"outputs-{name}.json")
    write_private(written, json.dumps(outputs))
    say(colour("==> Results", "1"))
    return pulumi.module("workshop.summary", "--stack", name, "--outputs", str(written))


def write_kubeconfig(path: Path, outputs: dict[str, object]) -> Path | None:
    """Write the stack's kubeconfig; None if it has none. The output is JSON in a string, which is valid YAML."""
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
        say(f"    {', '.join(names)} in your environment are not used: this is the local stack")


def _say_what_next(home: Path, jobs: Mapping[str, Any], code: int) -> None:
    if code:
        say(colour("The run failed.", "31") + " The messages above give the cause.")
        say(f"Logs: {home / 'logs'} (`make logs` prints their ends)")
        return
    completed = sorted(name for name, job in jobs.items() if job["status"] == "Completed")
    report = [(f"make report JOB={completed[0]}", "its result as a page that opens offline")] if completed else []
    commands = [
        *report,
        ("make shell", "a shell with kubectl, kubectl smlogs, pulumi and aws on this stack"),
        ("make destroy", "take it down; make down stops the local cloud too"),
    ]
    width = max(len(command) for command, _ in commands)
    for position, (command, does) in enumerate(commands):
        say(f"{'' if position else 'Next:':<5} {command:<{width}}  {does}")
    say(f"Logs: {home / 'logs'}")
