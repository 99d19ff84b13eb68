"""The commands that change a stack: up, preview, destroy, refresh."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localcloud.engine.checkpoint import VERSION
from localcloud.engine.codec import Codec
from localcloud.engine.config import as_text
from localcloud.engine.config_objects import is_secure
from localcloud.engine.display import make
from localcloud.engine.display.text import MASK, mask
from localcloud.engine.errors import BailError, CancelledError, UnconfirmedError, UnexpectedChangesError, UsageError
from localcloud.engine.program import Program
from localcloud.engine.secrets import SecretsManager
from localcloud.engine.session import Session, Stack

if TYPE_CHECKING:
    from localcloud.engine.deployment import Outcome
    from localcloud.engine.display.progress import Progress

PARALLEL = 64


@dataclass(slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    kind: str
    stack: str | None = None
    directory: str | None = None
    preview_only: bool = False
    yes: bool = False
    skip_preview: bool = False
    refresh: bool = False
    replace: list[str] = field(default_factory=list[str])
    json: bool = False
    parallel: int = PARALLEL
    expect_no_changes: bool = False
    message: str = ""
    interactive: bool = True


@dataclass(slots=True)
class _Run:
    """One command under way."""

    options: Options
    stack: Stack
    secrets: SecretsManager
    program: Program | None = None
    sink: list[Progress] = field(default_factory=list[Any])

    def say(self, line: str) -> None:
        print(line, file=sys.stderr if self.options.json else sys.stdout)

    def output(self, line: str) -> None:
        if self.sink:
            self.sink[-1].output(line)


def run(options: Options) -> int:
    """Carry a command out; the exit code."""
    session = Session.open(options.directory)
    stack = session.stack(options.stack)
    secrets = stack.config_file.secrets_or_new(stack.state_salt())
    return asyncio.run(_run(_Run(options, stack, secrets)))


async def _run(run: _Run) -> int:
    options = run.options
    for flag, given in (("--skip-preview", options.skip_preview), ("--yes", options.yes)):
        if given and options.preview_only:
            raise UsageError(f"{flag} and --preview-only cannot be used together")
    confirm = not options.preview_only and not options.yes
    if confirm and not (options.interactive and sys.stdin.isatty() and sys.stdout.isatty()):
        refused = UsageError if options.kind == "refresh" else UnconfirmedError
        raise refused(
            "--yes must be passed in to proceed when running in non-interactive mode: nobody can be asked to confirm"
        )
    await _start_program(run)  # it loads its SDK while the engine loads its own parts
    if options.preview_only or not options.skip_preview:
        outcome = await _perform(run, preview=True)
        if options.preview_only:
            return _exit_code(options, outcome)
        if outcome.failed:
            raise CancelledError("cancelled") if outcome.cancelled else BailError("preview failed")
        if confirm and not _confirmed(options.kind):
            raise CancelledError("confirmation declined, not proceeding")
        await _start_program(run)
    from localcloud.engine.recovery import drop_dead_locks  # noqa: PLC0415  it needs gRPC, whose import the program's overlaps

    drop_dead_locks(run.stack.files, run.stack.project.root, run.say)
    with run.stack.files.lock():
        run.stack.reread()
        outcome = await _perform(run, preview=False)
    return _exit_code(options, outcome)


async def _start_program(run: _Run) -> None:
    if run.options.kind != "update":
        return
    project = run.stack.project
    run.program = await Program.start(project.python(sys.executable), project.program[0], run.output)


async def _perform(run: _Run, *, preview: bool) -> Outcome:
    from localcloud.engine import update as updates  # noqa: PLC0415  likewise

    options, stack = run.options, run.stack
    codec = Codec(run.secrets)
    await asyncio.to_thread(run.secrets.verify)
    state = stack.deployment(
        Codec(run.secrets) if not stack.state_salt() or stack.state_salt() == run.secrets.salt else stack.codec()
    )
    state.secrets_providers = {"type": "passphrase", "state": {"salt": run.secrets.salt}}
    config = stack.config(run.secrets)
    shown = {key: MASK if key in config.secret_keys else value for key, value in config.values.items()}
    display = make(options.kind, stack.name, preview=preview, as_json=options.json, config=shown)
    display.mask = mask(config.secrets)
    run.sink.append(display)
    update = updates.Update(
        kind=options.kind,
        project=stack.project,
        stack=stack.name,
        full_name=stack.files.full_name,
        config=config,
        state=state,
        codec=codec,
        observer=display,
        preview=preview,
        write=None if preview else stack.files.write,
        parallel=options.parallel,
        replace=frozenset(options.replace),
        refresh=options.refresh,
        program=run.program,
    )
    display.begin()
    started = datetime.now(UTC)
    outcome = await updates.perform(update)
    display.end(outcome)
    if not preview:
        stack.files.record(_history(options, stack, outcome, started), update.text)
    return outcome


def _history(options: Options, stack: Stack, outcome: Outcome, started: datetime) -> dict[str, Any]:
    return {
        "kind": options.kind,
        "startTime": int(started.timestamp()),
        "message": options.message,
        "environment": {"pulumi.version": VERSION},
        "config": {key: _history_value(raw) for key, raw in stack.config_file.values.items()},
        "result": "failed" if outcome.failed else "succeeded",
        "endTime": int(datetime.now(UTC).timestamp()),
        "resourceChanges": {op.value: count for op, count in outcome.changes.items()},
    }


def _history_value(raw: Any) -> dict[str, Any]:
    """A value as the history keeps it: what is secure stays encrypted."""
    if is_secure(raw):
        return {"value": raw["secure"], "secure": True, "object": False}
    nested = isinstance(raw, dict | list)
    return {"value": as_text(raw), "secure": nested and '"secure"' in json.dumps(raw), "object": nested}


def _exit_code(options: Options, outcome: Outcome) -> int:
    if outcome.cancelled:
        raise CancelledError("cancelled")
    if outcome.failed:
        return 1
    quiet = ("same", "read", "discard", "read-replacement")
    changes = sum(count for op, count in outcome.changes.items() if op.value not in quiet)
    if options.expect_no_changes and changes:
        what = "preview" if options.preview_only and options.kind == "update" else options.kind
        raise UnexpectedChangesError(f"no changes were expected for {what} but changes were proposed")
    return 0


def _confirmed(kind: str) -> bool:
    try:
        answer = input(f"\nDo you want to perform this {kind}? (yes/no) ")
    except (EOFError, KeyboardInterrupt):
        return False
    return answer.strip().lower() in ("y", "yes")
