"""The live tree on a terminal: every resource a row under its parent, redrawn as things happen."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
import unicodedata
from dataclasses import dataclass

from localcloud.engine import urns
from localcloud.engine.deployment import Outcome
from localcloud.engine.display.progress import DOING, SYMBOLS, Progress
from localcloud.engine.display.text import harmless
from localcloud.engine.steps import Op, Step

_COLOURS = {"+": "32", "~": "33", "-": "31", ">": "36", "<": "36"}
_INTERVAL = 0.1


@dataclass(slots=True)
class _Row:
    urn: str
    parent: str
    op: Op
    status: str = ""
    info: str = ""
    began: float = 0.0
    done: bool = False
    failed: bool = False


class Tree(Progress):
    """Draws over itself until the end, then leaves the whole table, the diagnostics and the summary."""

    def begin(self) -> None:
        super().begin()
        self._rows: dict[str, _Row] = {}
        self._drawn = 0
        self._replaced: set[str] = set()
        self._last: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._schedule()

    def started(self, step: Step) -> None:
        self._began[id(step)] = time.monotonic()
        if self.is_quiet(step) and step.op != Op.SAME:
            return
        status = "" if self.preview or step.op == Op.SAME else DOING[step.op][0]
        parent = step.resource.parent
        self._rows[step.urn] = _Row(step.urn, parent, step.op, status, began=time.monotonic())

    def finished(self, step: Step) -> None:
        self.note(step)
        row = self._rows.get(step.urn)
        if step.op == Op.REPLACE:
            self._replaced.add(step.urn)
        if row is not None and step.urn in self._replaced:
            row.op, row.done = Op.REPLACE, True
            row.status = "replace" if self.preview else f"replaced ({time.monotonic() - row.began:.1f}s)"
        elif row is not None:
            row.done = True
            row.info = self.keys(step).strip()
            if step.op == Op.SAME:
                row.status = ""
            else:
                row.status = (
                    step.op.value if self.preview else f"{DOING[step.op][1]} ({time.monotonic() - row.began:.1f}s)"
                )

    def failed(self, step: Step, message: str) -> None:
        self.note_failure(step)
        row = self._rows.get(step.urn)
        if row is not None:
            row.done = row.failed = True
            row.status = f"**{DOING.get(step.op, (step.op.value, ''))[0]} failed**"
            row.info = harmless(self.mask(message)).split("\n", 1)[0]

    def progressing(self, urn: str, message: str) -> None:
        row = self._rows.get(urn)
        if row is not None and not row.done:
            row.info = message

    def say(self, text: str) -> None:
        """Diagnostics wait for the end; the row shows the last one."""
        last = self.diagnostics[-1] if self.diagnostics else None
        row = self._rows.get(last.urn) if last else None
        if row is not None and not row.failed:
            row.info = harmless(text).strip().split("\n", 1)[0]

    # --- drawing

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_INTERVAL, self._tick)

    def _tick(self) -> None:
        self._draw()
        self._schedule()

    def _draw(self, *, whole: bool = False) -> None:
        size = shutil.get_terminal_size()
        lines = self._table(size.columns - 1, whole=whole)
        if not whole and len(lines) > size.lines - 2:
            lines = lines[:1] + lines[-(size.lines - 3) :]
        if lines == self._last and not whole:
            return
        self._last = lines
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + ("\x1b[J" if self._drawn > len(lines) else ""))
        self._drawn = len(lines)

    def _table(self, width: int, *, whole: bool) -> list[str]:
        rows = _branched(self._shown(whole=whole))
        cells = [
            (
                row,
                f"{branch}{harmless(urns.short_type(urns.type_of(row.urn)))}",
                harmless(urns.name_of(row.urn)),
                self._status(row),
            )
            for row, branch in rows
        ]
        kind, name, status = _widths([cell[1:] for cell in cells], width)
        header = f"     {'Type':<{kind}}  {'Name':<{name}}  {'Plan' if self.preview else 'Status':<{status}}  Info"
        lines = [_cut(header.rstrip(), width)]
        for row, *texts in cells:
            line = f"{_cut(texts[0], kind):<{kind}}  {_cut(texts[1], name):<{name}}  {texts[2]:<{status}}  {row.info}"
            symbol = SYMBOLS[row.op]
            lines.append(f" {_coloured(symbol)}  {_cut(line.rstrip(), width - 5)}")
        return lines

    def _shown(self, *, whole: bool) -> list[tuple[_Row, int]]:
        """The rows on which something happens, and those above them."""
        ordered = self._ordered()
        wanted = {ordered[0][0].urn} if ordered and whole else set[str]()
        for row, _ in ordered:
            urn = row.urn if row.status or row.op != Op.SAME else ""
            while urn in self._rows and urn not in wanted:
                wanted.add(urn)
                urn = self._rows[urn].parent
        return [(row, depth) for row, depth in ordered if row.urn in wanted]

    def _status(self, row: _Row) -> str:
        if row.done or not row.status:
            return row.status
        return f"{row.status} ({time.monotonic() - row.began:.0f}s)"

    def _ordered(self) -> list[tuple[_Row, int]]:
        """Rows with children after their parents, and how deep each is."""
        children: dict[str, list[_Row]] = {}
        for row in self._rows.values():
            children.setdefault(row.parent if row.parent in self._rows else "", []).append(row)
        found: list[tuple[_Row, int]] = []
        pending = [(row, 0) for row in reversed(children.get("", []))]
        while pending:
            row, depth = pending.pop()
            found.append((row, depth))
            pending.extend((child, depth + 1) for child in reversed(children.get(row.urn, [])))
        return found

    # --- the end

    def end(self, outcome: Outcome) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._draw(whole=True)
        if self.diagnostics:
            self.write("\nDiagnostics:\n")
            for urn in dict.fromkeys(each.urn for each in self.diagnostics):
                self.write(f"  {self.name(urn)}:\n" if urn else "")
                for each in self.diagnostics:
                    if each.urn == urn:
                        prefix = "" if each.severity == "info" else f"{each.severity}: "
                        self.write(
                            "".join(f"    {line}\n" for line in (prefix + harmless(each.message)).rstrip().split("\n"))
                        )
        super().end(outcome)


def _branched(rows: list[tuple[_Row, int]]) -> list[tuple[_Row, str]]:
    """Rows with the lines of the tree in place of their depth."""
    found: list[tuple[_Row, str]] = []
    followed: set[int] = set()  # depths at which a row comes below
    for row, depth in reversed(rows):
        above = "".join("│  " if level in followed else "   " for level in range(1, depth))
        own = ("├─ " if depth in followed else "└─ ") if depth else ""
        found.append((row, above + own))
        followed = {level for level in followed if level < depth} | {depth}
    return found[::-1]


def _widths(cells: list[tuple[str, str, str]], width: int) -> tuple[int, int, int]:
    """The columns of type, name and status: on a narrow terminal the first two give way, so that the status is seen."""
    kind, name, status = (
        max([least, *map(len, column)]) for least, column in zip((4, 4, 6), _columns(cells), strict=True)
    )
    room = max(width - 5 - status - 4, 20)
    if kind + name > room:
        name = min(name, max(room * 2 // 5, room - kind))
        kind = min(kind, room - name)
    return kind, name, status


def _columns(cells: list[tuple[str, str, str]]) -> list[tuple[str, ...]]:
    return list(zip(*cells, strict=True)) or [(), (), ()]


def _coloured(symbol: str) -> str:
    code = _COLOURS.get(symbol.strip()[:1], "")
    return f"\x1b[{code}m{symbol}\x1b[0m" if code and not os.environ.get("NO_COLOR") else symbol


def _cut(text: str, width: int) -> str:
    """The text as far as it fits on a line; wide characters take two places."""
    used = 0
    for at, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            return text[: max(at - 1, 0)] + "…"
    return text
