"""Updates: a program (or none) run against a stack, from the state as it was to the state as it is then."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from localcloud.engine import packages
from localcloud.engine.backend import ORGANIZATION
from localcloud.engine.checkpoint import Deployment as State
from localcloud.engine.codec import Codec
from localcloud.engine.config import Config
from localcloud.engine.deployment import Deployment, Observer, Outcome
from localcloud.engine.errors import EngineError
from localcloud.engine.integrity import verify
from localcloud.engine.journal import Journal
from localcloud.engine.monitor import Monitor
from localcloud.engine.plugins import PluginHost
from localcloud.engine.program import SHOWN, Program
from localcloud.engine.project import Project
from localcloud.engine.recovery import recover, warn
from localcloud.engine.refresh import refresh
from localcloud.engine.registry import Registry

_GRACE = 2.0  # for a program to notice that the engine has stopped


@dataclass(slots=True, kw_only=True)
class Update:
    """What is to be done."""

    kind: str  # update, destroy, refresh
    project: Project
    stack: str
    full_name: str
    config: Config
    state: State
    codec: Codec
    observer: Observer
    preview: bool
    write: Callable[[str], None] | None
    parallel: int
    replace: frozenset[str] = frozenset()
    refresh: bool = False
    program: Program | None = None
    text: str = ""  # the state at the end, as it is on disk
    terminated: bool = False


async def start_program(project: Project, show: Callable[[str], None]) -> Program:
    return await Program.start(project.python(sys.executable), project.program[0], show)


async def perform(update: Update) -> Outcome:
    """Carry the update out. Its failures are shown to the observer and noted in the outcome.

    Raises:
        EngineError: it could not begin.
    """
    directory, _ = update.project.program
    journal = Journal(update.state, update.codec, update.full_name, update.write)
    if os.environ.get("PULUMI_VERIFY_EVERY_WRITE"):
        journal.observer = verify
    host = PluginHost(update.project, lambda _name, _line: None)
    registry = Registry(host, update.config, update.project.root, directory, preview=update.preview)
    deployment = Deployment(
        stack=update.stack,
        project=update.project.name,
        config=update.config,
        registry=registry,
        journal=journal,
        observer=update.observer,
        preview=update.preview,
        parallel=update.parallel,
        replace=update.replace,
        default_version=lambda package: packages.installed_version(update.project.python(sys.executable), package),
    )
    monitor = Monitor(deployment, update.project.root, directory)
    host.engine_address = await monitor.start()
    try:
        await _interruptible(update, deployment, _phases(update, deployment, monitor))
    finally:
        deployment.ended.set()
        if update.program is not None:
            await update.program.stop(0.2 if deployment.stopping.is_set() else _GRACE)
        await host.close(at_once=update.terminated)
        await monitor.stop()
    return deployment.outcome


async def _phases(update: Update, deployment: Deployment, monitor: Monitor) -> None:
    """Refresh, program, deletes, outputs; the state is written whatever happens."""
    try:
        if update.preview:
            warn(deployment, [each for each in update.state.pending if each.type == "creating"])
        else:
            await recover(deployment)
        if update.refresh or update.kind == "refresh":
            await refresh(deployment, counted=update.kind == "refresh")
        deployment.check_targets()
        if update.kind != "refresh" and not deployment.stopping.is_set():
            if update.kind == "update":
                await _run_program(update, deployment, monitor)
            if not deployment.outcome.failed:
                await deployment.delete_the_rest()
        deployment.outcome.failed = deployment.outcome.failed or deployment.generator.failed_quietly
        deployment.finish_outputs()
    finally:
        if update.terminated:
            # What is under way stays noted as pending: that its plugin is killed now says nothing about the object.
            deployment.journal.freeze()
        else:
            await deployment.settled()
        try:
            await deployment.journal.close()
        except EngineError as error:
            deployment.fail("", error)
        update.text = deployment.journal.text() if not update.preview else ""


async def _interruptible(update: Update, deployment: Deployment, work: Coroutine[Any, Any, None]) -> None:
    """Let Ctrl-C and SIGTERM end the work: the first gently, the second at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)

    def interrupt() -> None:
        if deployment.outcome.cancelled:
            update.terminated = True
            task.cancel()
            return
        deployment.observer.diagnostic(
            "info", "", "interrupted: waiting for what is under way; once more ends it at once"
        )
        deployment.cancel()
        for provider in deployment.registry.all():
            asyncio.ensure_future(provider.cancel())  # noqa: RUF006  fire and forget

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        await task
    except asyncio.CancelledError:
        deployment.observer.diagnostic(
            "error", "", "terminated: operations that were under way are noted in the state as pending"
        )
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _run_program(update: Update, deployment: Deployment, monitor: Monitor) -> None:
    program = update.program
    assert program is not None  # noqa: S101  the caller started it
    directory, entry = update.project.program
    settings = {
        "monitor": monitor.address,
        "engine": monitor.address,
        "project": update.project.name,
        "stack": update.stack,
        "parallel": max(update.parallel, 16),
        "dry_run": update.preview,
        "organization": ORGANIZATION,
        "root_directory": str(update.project.root),
    }
    await program.run(
        {
            "settings": settings,
            "config": update.config.values,
            "secret_keys": sorted(update.config.secret_keys),
            "directory": str(directory),
            "entry": entry,
        }
    )
    exited = asyncio.create_task(program.wait())
    done = asyncio.create_task(deployment.program_done.wait())
    stopping = asyncio.create_task(deployment.stopping.wait())
    await asyncio.wait({exited, done, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if deployment.stopping.is_set():
        await asyncio.wait({exited}, timeout=_GRACE)
    elif exited.done() and not deployment.program_done.is_set():
        _judge(exited.result(), deployment)
    await deployment.settled()
    for task in (exited, done, stopping):
        task.cancel()


def _judge(code: int, deployment: Deployment) -> None:
    """Note how the program ended that did not say that it was done."""
    if code == SHOWN or deployment.outcome.failed:
        deployment.outcome.failed = True
        deployment.stopping.set()
    elif code < 0:
        deployment.fail("", EngineError(f"the program was ended by signal {-code}"))
    elif code != 0:
        deployment.fail("", EngineError(f"the program exited with non-zero exit code: {code}"))
    else:
        deployment.fail("", EngineError("the program exited before all it registered was done (it called exit?)"))
