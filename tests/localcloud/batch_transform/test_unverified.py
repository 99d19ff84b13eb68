"""The table "Differences from AWS" is complete, and each row is pinned by a test that exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from localcloud.batch_transform.unverified import ROWS

CHECKOUT = Path(__file__).resolve().parents[3]


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((CHECKOUT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return name in functions_of(file)


def test_each_row_names_a_test_that_exists() -> None:
    assert [row.test for row in ROWS if not exists(row.test)] == []


def test_each_row_says_what_is_unknown_and_what_was_chosen() -> None:
    assert [row for row in ROWS if not row.what or not row.choice] == []
