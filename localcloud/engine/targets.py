"""Which resources a flag of the command line means: by URN, or by a pattern of URNs."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Targets:
    """URNs, and patterns in which `*` stands for anything without a colon and `**` for anything at all."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        texts = sorted(texts)
        self._urns = [text for text in texts if "*" not in text]
        self._patterns = [_compiled(text) for text in texts if "*" in text]

    def __contains__(self, urn: str) -> bool:
        return urn in self._urns or any(pattern.fullmatch(urn) for pattern in self._patterns)

    def missing(self, known: set[str]) -> list[str]:
        """What is wrong with each URN that is none of those known; a pattern may match nothing."""
        return [
            f"Target '{urn}' could not be found in the stack.{_hint(urn)}" for urn in self._urns if urn not in known
        ]


def _compiled(text: str) -> re.Pattern[str]:
    wild = {"*": "[^:]*", "**": ".*"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", text)))


def _hint(urn: str) -> str:
    return "" if "$" in urn else " Did you forget to escape $ in your shell?"
