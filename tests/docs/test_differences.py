"""Each row of docs/differences.md is pinned by a test that exists."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from docs.tables import ROOT

_ROW = re.compile(r"^\| (?!---)(?P<cells>.+) \|$", re.MULTILINE)
_TESTS = Counter(
    f"`{path.name}::{node.name}`"
    for path in (ROOT / "tests").rglob("test_*.py")
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef)
)
_ROWS = [
    cells
    for match in _ROW.finditer((ROOT / "docs" / "differences.md").read_text())
    if (cells := re.split(r" (?<!\\)\| ", match["cells"]))[-1] != "pinned by"
]


@pytest.mark.parametrize("cells", _ROWS, ids=lambda cells: cells[-1].strip("`"))
def test_each_row_says_what_differs_and_names_one_test(cells: list[str]) -> None:
    assert all(cell.strip() for cell in cells), cells
    assert _TESTS[cells[-1]] == 1, f"{cells[-1]} names {_TESTS[cells[-1]]} tests; it must name one"
