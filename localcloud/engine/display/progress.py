"""The course of a deployment as lines on a terminal or in a log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.engine import urns
from localcloud.engine.deployment import Outcome
from localcloud.engine.display.text import harmless, shown
from localcloud.engine.steps import READS, Op, Step
from localcloud.engine.values import equal

SYMBOLS = {
    Op.SAME: "  ",
    Op.CREATE: "+ ",
    Op.UPDATE: "~ ",
    Op.DELETE: "- ",
    Op.REPLACE: "+-",
    Op.CREATE_REPLACEMENT: "++",
    Op.DELETE_REPLACED: "--",
    Op.READ: "> ",
    Op.READ_REPLACEMENT: ">>",
    Op.REFRESH: "~ ",
    Op.DISCARD: "< ",
    Op.DISCARD_REPLACED: "<<",
    Op.REMOVE_PENDING_REPLACE: "  ",
}
DOING = {
    Op.CREATE: ("creating", "created"),
    Op.UPDATE: ("updating", "updated"),
    Op.DELETE: ("deleting", "deleted"),
    Op.REPLACE: ("replacing", "replaced"),
    Op.CREATE_REPLACEMENT: ("creating replacement", "created replacement"),
    Op.DELETE_REPLACED: ("deleting original", "deleted original"),
    Op.READ: ("reading", "read"),
    Op.READ_REPLACEMENT: ("reading for replacement", "read for replacement"),
    Op.REFRESH: ("refreshing", "refreshed"),
    Op.DISCARD: ("discarding", "discarded"),
    Op.DISCARD_REPLACED: ("discarding original", "discarded original"),
}
_PAST = {
    Op.CREATE: "created",
    Op.UPDATE: "updated",
    Op.DELETE: "deleted",
    Op.REPLACE: "replaced",
}
_QUIET = (Op.SAME, Op.REPLACE, Op.REMOVE_PENDING_REPLACE)
_VERBS = {"update": "Updating", "destroy": "Destroying", "refresh": "Refreshing"}


@dataclass(slots=True)
class Diagnostic:
    severity: str
    urn: str
    message: str


@dataclass(slots=True)
class StepRecord:
    """A step that was carried out, for the summary in JSON."""

    step: Step
    seconds: float


@dataclass
class Progress:
    """Shows a deployment line by line; the base of the other forms."""

    kind: str
    stack: str
    preview: bool
    out: Callable[[str], None]
    config: dict[str, str] = field(default_factory=dict[str, str])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    steps: list[StepRecord] = field(default_factory=list[StepRecord])
    failures: int = 0
    mask: Callable[[str], str] = str  # hides the secrets of the configuration
    _began: dict[int, float] = field(default_factory=dict[int, float])
    _waiting: dict[str, float] = field(default_factory=dict[str, float])
    _start: float = field(default_factory=time.monotonic)

    def write(self, text: str) -> None:
        self.out(text)

    # --- what happens

    def begin(self) -> None:
        verb = f"Previewing {self.kind}" if self.preview else _VERBS[self.kind]
        self.write(f"{verb} ({self.stack}):\n")

    def started(self, step: Step) -> None:
        self._began[id(step)] = self._waiting[step.urn] = time.monotonic()
        if not self.preview and not self.is_quiet(step):
            self.write(f" {SYMBOLS[step.op]} {self.name(step.urn)} {DOING[step.op][0]}\n")

    def finished(self, step: Step) -> None:
        seconds = self.note(step)
        if self.is_quiet(step):
            return
        what = step.op.value if self.preview else f"{DOING[step.op][1]} ({seconds:.2f}s)"
        self.write(f" {SYMBOLS[step.op]} {self.name(step.urn)} {what}{self.keys(step)}\n")

    def note(self, step: Step) -> float:
        """Remember a step that was carried out; how many seconds it took."""
        seconds = time.monotonic() - self._began.pop(id(step), time.monotonic())
        self.steps.append(StepRecord(step, seconds))
        return seconds

    def note_failure(self, step: Step) -> None:
        self._began.pop(id(step), None)
        self.failures += 1

    def failed(self, step: Step, message: str) -> None:  # noqa: ARG002  the diagnostic that follows has it
        self.note_failure(step)
        doing = DOING.get(step.op, (step.op.value, ""))[0]
        self.write(f" {SYMBOLS[step.op]} {self.name(step.urn)} **{doing} failed**\n")

    def diagnostic(self, severity: str, urn: str, message: str, *, ephemeral: bool = False) -> None:
        message = self.mask(message)
        if ephemeral and severity != "debug":
            self.progressing(urn, harmless(message))
        if severity == "debug" or ephemeral:
            return
        self.diagnostics.append(Diagnostic(severity, urn, message))
        prefix = "" if severity == "info" else f"{severity}: "
        place = f"{self.name(urn)}: " if urn else ""
        self.say("".join(f"    {line}\n" for line in f"{prefix}{place}{harmless(message)}".rstrip("\n").split("\n")))

    def progressing(self, urn: str, message: str) -> None:
        """What a plugin says of a wait that goes on: a line of its own, with the time it has taken."""
        began = self._waiting.get(urn)
        if began is not None and message:
            self.write(f"    {self.name(urn)} {message} ({time.monotonic() - began:.0f}s)\n")

    def say(self, text: str) -> None:
        self.out(text)

    def output(self, line: str) -> None:
        """A line that the program printed."""
        self.diagnostic("info", "", line)

    def is_quiet(self, step: Step) -> bool:
        return (
            urns.is_default_provider(step.urn)
            or step.op in _QUIET
            or (step.op == Op.REFRESH and not self._differs(step))
        )

    def _differs(self, step: Step) -> bool:
        return step.new is not step.old

    def name(self, urn: str) -> str:
        return (
            harmless(f"{urns.short_type(urns.type_of(urn))} {urns.name_of(urn)}") if urns.is_urn(urn) else harmless(urn)
        )

    def keys(self, step: Step) -> str:
        keys = list(
            dict.fromkeys([*step.diff.diffs, *(path.split(".")[0].split("[")[0] for path in step.diff.detailed)])
        )
        return f" [diff: {','.join(harmless(key) for key in keys)}]" if keys and step.op == Op.UPDATE else ""

    # --- how it ended

    def end(self, outcome: Outcome) -> None:
        self._outputs(outcome)
        self._resources(outcome)
        if not self.preview:
            self.write(f"\nDuration: {math.ceil(time.monotonic() - self._start)}s\n")

    def _outputs(self, outcome: Outcome) -> None:
        old, new = outcome.old_outputs, outcome.outputs
        if self.kind == "refresh" or not (old or new) or (outcome.failed and not new):
            return
        lines: list[str] = []
        keys = sorted({*old, *new}) if self.kind == "update" else sorted(old)
        width = max((len(key) for key in keys), default=0)
        for key in keys:
            lines.extend(_output_lines(key, width, old, new, destroy=self.kind == "destroy"))
        if self.preview and not any(line.startswith(("  + ", "  - ", "  ~ ")) for line in lines):
            return
        self.write("\nOutputs:\n" + "".join(f"{self.mask(line)}\n" for line in lines))

    def _resources(self, outcome: Outcome) -> None:
        counts = {op: outcome.changes[op] for op in Op if outcome.changes.get(op) and op not in READS}
        same = counts.pop(Op.SAME, 0)
        lines = [
            f"    {SYMBOLS[op]}{count} {'to ' + op.value if self.preview else _PAST.get(op, op.value)}\n"
            for op, count in counts.items()
        ]
        unchanged = f"{same} unchanged" if same else ""
        if len(counts) > 1:
            total = f"{sum(counts.values())} {'change' if sum(counts.values()) == 1 else 'changes'}"
            lines.append(f"    {'. '.join(part for part in (total, unchanged) if part)}\n")
        elif unchanged:
            lines.append(f"    {unchanged}\n")
        self.write("\nResources:\n" + "".join(lines))
        errored = {each.urn for each in self.diagnostics if each.severity == "error"}
        if self.failures:
            errored.add("")  # the official engine counts the stack when a step has failed
        if errored:
            self.write(f"    {len(errored)} errored\n")
        if outcome.failed:
            self.write(f"\n{'cancelled' if outcome.cancelled else f'{self.kind} failed'}\n")


def _output_lines(key: str, width: int, old: dict[str, Any], new: dict[str, Any], *, destroy: bool) -> list[str]:
    name = f"{harmless(key):<{width}}"
    if destroy or key not in new:
        mark, value = "  - ", old[key]
    elif key not in old:
        mark, value = "  + ", new[key]
    elif equal(old[key], new[key]):
        mark, value = "    ", new[key]
    else:
        before, after = shown(old[key]), shown(new[key])
        if before == after:
            return f"    {name}: {harmless(after)}".split("\n")
        return f"  ~ {name}: {harmless(before)} => {harmless(after)}".split("\n")
    return f"{mark}{name}: {harmless(shown(value))}".split("\n")
