"""The table "Differences from AWS" is complete, and each row is pinned by a test that exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from localcloud.batch_transform.unverified import ROWS, Row

CHECKOUT = Path(__file__).resolve().parents[3]


def _tests_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", [pytest.param(row, id=row.what) for row in ROWS])
def test_each_row_names_a_test_that_exists(row: Row) -> None:
    file, _, name = row.test.partition("::")
    assert name in _tests_of(CHECKOUT / file)
    assert row.what
    assert row.choice
