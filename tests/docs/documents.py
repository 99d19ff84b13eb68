"""README and docs as data: their command blocks, their files to write, their links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from docs.tables import DOCUMENTS, ROOT

_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"\]\((?P<target>[^)#:\s]+)(?:#[\w-]+)?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block with the comment that stands before it."""

    document: str
    line: int
    mark: str
    language: str
    body: str

    @property
    def runs_here(self) -> bool:
        """Whether a test runs it: shell, and not marked as needing an account or as running this test."""
        return self.language == "sh" and not self.mark.startswith(("needs an account", "not run here"))

    @property
    def file(self) -> str:
        """The file that the block is the content of, empty when it is none."""
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else ""


def blocks(document: Path) -> list[Block]:
    text = document.read_text()
    return [
        Block(
            document=str(document.relative_to(ROOT)),
            line=text.count("\n", 0, match.start("body")),
            mark=match["mark"] or "",
            language=match["language"],
            body=match["body"],
        )
        for match in _BLOCK.finditer(text)
    ]


def links(document: Path) -> list[str]:
    """The relative links of a document."""
    return [match["target"] for match in _LINK.finditer(document.read_text())]


def recorded(document: Path) -> list[list[str]]:
    """The lines that a document shows as what its commands print, block by block; `...` stands for any lines."""
    return [block.body.splitlines() for block in blocks(document) if block.language == "text"]


ALL = [block for document in DOCUMENTS for block in blocks(document)]
