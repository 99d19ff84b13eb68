"""AWS documentation as plain text: botocore's model contains HTML, a CRD contains the text that `kubectl explain` prints."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset({"p", "ul", "ol", "dl", "note", "important", "caution", "fullname"})
_ITEMS = frozenset({"li", "dt", "dd"})
_ITEM = "\0"  # stands for a list item's dash until its surroundings are known


def plain_text(html: str) -> str:
    """Strip the tags: paragraphs stay apart, list items get a dash, links keep their address."""
    parser = _Stripper()
    parser.feed(html)
    parser.close()
    return parser.text()


class _Stripper(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._parts.append("\n\n")
        elif tag in _ITEMS:
            self._parts.append(_ITEM)
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._parts.append("\n\n")
        elif tag == "a" and self._links and (link := self._links.pop()):
            self._parts.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        self._parts.append(re.sub(r"\s+", " ", data))

    def text(self) -> str:
        joined = re.sub(rf"\s*{_ITEM}\s*", "\n- ", "".join(self._parts))
        joined = re.sub(r"[ \t]*\n[ \t]*\n\s*", "\n\n", joined)
        return re.sub(r"[ \t]+\n", "\n", joined).strip()
