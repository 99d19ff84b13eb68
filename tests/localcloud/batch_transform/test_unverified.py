"""The table "Differences from AWS" is complete, and each row is pinned by a test that exists."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from localcloud.batch_transform.unverified import VARIABLE, Choices, UnknownSwitchError, rows

CHECKOUT = Path(__file__).resolve().parents[3]


def _tests_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", [pytest.param(row, id=row.switch) for row in rows()])
def test_each_row_names_a_test_that_exists(row: object) -> None:
    assert dataclasses.is_dataclass(row)
    file, _, name = str(row.test).partition("::")  # pyright: ignore[reportAttributeAccessIssue] a Row
    assert name in _tests_of(CHECKOUT / file)


def test_there_is_a_row_for_each_switch() -> None:
    assert [row.switch for row in rows()] == [field.name for field in dataclasses.fields(Choices)]
    assert all(row.what and row.choice for row in rows())


def test_a_switch_is_set_from_the_environment() -> None:
    choices = Choices.from_environment({VARIABLE: "slice_end_inclusive=TRUE; oversize_record_text=too big"})
    assert choices == Choices(slice_end_inclusive=True, oversize_record_text="too big")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("slices=true", "no switch is called 'slices'", id="an unknown name"),
        pytest.param("slice_end_inclusive=yes", "is true or false, not 'yes'", id="no truth value"),
    ],
)
def test_a_wrong_setting_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnknownSwitchError, match=message):
        Choices.from_environment({VARIABLE: text})
