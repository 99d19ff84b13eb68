"""Whether what a document shows of a command's output is still what the command prints."""

from __future__ import annotations

import re


def absent(shown: list[str], printed: list[str]) -> list[str]:
    """The shown lines that are not printed in this order; between two `...` they must follow each other."""
    position, printed = 0, normal(printed)
    for part in "\n".join(normal(shown)).split("\n...\n"):
        lines = part.splitlines()
        starts = range(position, len(printed) - len(lines) + 1)
        found = next((start for start in starts if printed[start : start + len(lines)] == lines), None)
        if found is None:
            return [line for line in lines if line not in printed[position:]] or lines
        position = found + len(lines)
    return []


def normal(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run: names with random parts, digests, times, the checkout's folder."""
    text = "\n".join(lines)
    text = re.sub(r"-[0-9a-f]{7,16}\b", "-*", text)
    text = re.sub(r"/[0-9a-f]{16}/", "/*/", text)
    text = re.sub(r"(?<=: )/.*/\.local/", ".local/", text)
    return re.sub(r"\d+(\.\d+)? ?s\b", "* s", re.sub(r" +", " ", text)).splitlines()
