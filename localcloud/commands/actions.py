"""The commands on a stack: the local one, or one in an account, which is asked about before anything is changed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from localcloud.commands import cloud, environment, jobs, recovery, stack, terminal
from localcloud.commands.stack import LOCAL, Stack
from localcloud.console import CommandError, colour, say, step
from localcloud.supervisor import client, record

WORKSHOP_JOB = "churn"  # the job of the report if none is named
# Each job that Pulumi waits for occupies one of its parallel operations, whose default number is small.
PARALLEL = "64"
POLICY = ("--policy-pack", "policy")
"""The policy pack that checks every preview and deployment."""


def up(home: Path, name: str) -> int:
    """Deploy a stack, run its jobs, and print what changed, the outputs, and the table of jobs."""
    if name == LOCAL and (names := environment.real_looking_credentials()):
        say(f"    {', '.join(names)} in your environment are not used: this is the local stack")
    chosen = opened(home, name)
    if not chosen.is_local and chosen.module("workshop.preflight"):
        return terminal.PREFLIGHT_FAILED
    with recovery.attempt(home, name) as cut_off:
        code = _recover(chosen, cut_off=cut_off)
        if code:
            return code
        code = _deploy(chosen)
    if not code:
        jobs.forget_spent(chosen)
    outputs = chosen.outputs()
    if chosen.is_local:
        # To decrypt the secrets takes the CLI a second.
        if not stack.names_cluster(chosen.file("kubeconfig"), chosen.resources()):
            _write_kubeconfig(chosen)
        _say_what_next(home, outputs.get("transform_jobs") or {}, code)
    shown = _show_results(chosen, outputs)
    return terminal.of_up(code, outputs) or shown


def preview(home: Path, name: str) -> int:
    """Print what `make up` would do."""
    return opened(home, name).pulumi.run("preview", "--stack", name, *POLICY)


def destroy(home: Path, name: str) -> int:
    """Remove everything that the stack created, and list what is left."""
    if name == LOCAL and record.running(home) is None:
        _forget_what_is_gone(home)
        return 0
    chosen = opened(home, name)
    with recovery.attempt(home, name) as cut_off:
        if code := _recover(chosen, cut_off=cut_off, ending=True):
            return code
        code = jobs.end_schedules(chosen)
        with step("Destroy"):
            code = code or chosen.pulumi.run("destroy", "--stack", name, *chosen.unasked)
    if chosen.is_local:
        chosen.file("kubeconfig").unlink(missing_ok=True)
    return code or chosen.module("workshop.leftovers", *(("--all", "--no-records") if chosen.is_local else ()))


def down(home: Path) -> int:
    """Destroy the local stack, then stop the local cloud."""
    code = destroy(home, LOCAL)
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


def retry(home: Path, name: str, job: str) -> int:
    """Run a job again: its `rerun` entry goes up by one, which changes its identity, and the stack is deployed."""
    return jobs.count_up(opened(home, name), job) or up(home, name)


def tick(home: Path, name: str, job: str) -> int:
    """Run a scheduled job now."""
    return jobs.tick(opened(home, name, start=False), job)


def report(home: Path, name: str, job: str) -> int:
    """Run the notebook on a job's newest result; on the local stack with the job's model served for single rows."""
    chosen = opened(home, name, start=False)
    output = ("--output", str(chosen.file("report", ".html")))
    if not chosen.is_local:
        return chosen.module("workshop.report", *output)
    declared = chosen.outputs().get("transform_jobs") or {}
    wanted = job or (WORKSHOP_JOB if WORKSHOP_JOB in declared else next(iter(declared), WORKSHOP_JOB))
    arguments = ("--job", wanted, *output)
    found = declared.get(wanted)
    if not found or found["status"] != "Completed":
        return chosen.module("workshop.report", *arguments)  # it prints which jobs there are, or why there is no report
    from localcloud.commands.report import model_of, serving  # noqa: PLC0415  slow to load, and for this command alone

    with ExitStack() as running:
        try:
            model = running.enter_context(model_of(found["job_name"], chosen.pulumi.client))
            arguments += ("--invocations-url", running.enter_context(serving(model)))
        except CommandError as error:
            say(f"    {error}: the report does not compare with single rows")
        return chosen.module("workshop.report", *arguments)


def shell(home: Path, name: str) -> int:
    """A shell in which pulumi, kubectl, kubectl smlogs and aws act on the stack."""
    variables = _with_kubeconfig(opened(home, name, start=False))
    say(f"pulumi, kubectl, kubectl smlogs and aws act on stack {name} here; `exit` leaves")
    if not shutil.which("kubectl", path=variables["PATH"]):
        say("kubectl is not on PATH, and smlogs needs it: see https://kubernetes.io/docs/tasks/tools/")
    return terminal.run([os.environ.get("SHELL", "/bin/sh")], variables)


def crds(home: Path, name: str) -> int:
    """Bring the operator's definitions in the cluster to the version of its chart."""
    return _run_module("workshop.crds", name, _with_kubeconfig(opened(home, name, start=False)))


def tool(home: Path, name: str, module: str) -> int:
    """Run one of the workshop's tools, which need no Pulumi CLI; the cost needs no running cloud either."""
    if name != LOCAL:
        variables = stack.environment_in_account(name, home)
    else:
        running = record.running(home) if module == "workshop.cost" else cloud.running(home)
        variables = environment.local(home, running.aws_endpoint if running else None)
    return _run_module(module, name, variables)


def opened(home: Path, name: str, *, start: bool = True) -> Stack:
    """A stack to act on.

    Args:
        home: the generated folder.
        name: the stack's.
        start: whether the local cloud is started if it does not run, and its stack created if need be.

    Raises:
        CommandError: the local cloud does not run and is not to be started, or there is no Pulumi CLI.
    """
    if name != LOCAL:
        return stack.in_account(name, home)
    chosen = Stack(name, home, cloud.pulumi(home, cloud.ensure(home) if start else cloud.running(home)))
    if start:
        stack.create(chosen.pulumi, home)
    return chosen


def _recover(chosen: Stack, *, cut_off: bool, ending: bool = False) -> int:
    """Resolve what an interrupted run left; the exit code is that of a recovery that failed."""
    recovery.unlock(chosen.pulumi, chosen.home, chosen.name, cut_off=cut_off)
    if ending:
        recovery.let_objects_go(chosen.pulumi, chosen.name, chosen.resources())
    return recovery.settle(chosen.pulumi, chosen.home, chosen.name, cut_off=cut_off)


def _deploy(chosen: Stack) -> int:
    look = ("--refresh",) if stack.open_jobs(chosen.resources()) else ()
    flags = ("--stack", chosen.name, *chosen.unasked, "--suppress-outputs", "--parallel", PARALLEL, *POLICY, *look)
    with step("Deploy and run the jobs"):
        return chosen.pulumi.up(recovery.event_log(chosen.home, chosen.name), *flags)


def _forget_what_is_gone(home: Path) -> None:
    if stack.resources(home):
        say("the local cloud is gone, and with it everything that the stack created")
        cloud.forget(home)
    else:
        say("nothing stands")


def _stop(home: Path) -> None:
    with step("Stop the local cloud"):
        if not client.stop(home):
            say("    it was not running")
    environment.write_shell_file(home, None)


def _run_module(module: str, name: str, variables: Mapping[str, str]) -> int:
    return terminal.run([sys.executable, "-m", module, "--stack", name], variables)


def _with_kubeconfig(chosen: Stack) -> Mapping[str, str]:
    """The stack's environment, in which kubectl finds the cluster; the local one's names the file that `make up` writes."""
    if chosen.is_local:
        return chosen.pulumi.environment
    written = _write_kubeconfig(chosen)
    if written is None:
        raise CommandError(f"stack {chosen.name} has no cluster yet: `make up STACK={chosen.name}` comes first")
    return {**chosen.pulumi.environment, "KUBECONFIG": str(written)}


def _write_kubeconfig(chosen: Stack) -> Path | None:
    """Write the stack's kubeconfig; None if it has none."""
    text = chosen.kubeconfig()
    return _write_private(chosen.file("kubeconfig"), text) if text else None


def _write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as sink:  # noqa: PTH123  mode at creation
        sink.write(text)
    return path


def _show_results(chosen: Stack, outputs: Mapping[str, Any]) -> int:
    """Print the outputs in short and a table of the jobs, however they ended: the end of what `make up` prints."""
    if outputs.get("scheduled_jobs"):
        with step("Newest runs of scheduled jobs"):
            chosen.module("workshop.scheduled")
    if not outputs.get("transform_jobs"):
        return 0
    written = _write_private(chosen.file("outputs", ".json"), json.dumps(outputs))
    say(colour("==> Results", "1"))
    return chosen.module("workshop.summary", "--outputs", str(written))


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
