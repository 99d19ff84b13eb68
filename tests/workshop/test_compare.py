"""Two jobs of the same records side by side."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.workshop.conftest import Stack, lines
from workshop import compare
from workshop.compare import compared
from workshop.stack import WorkshopError

NAMES = ("churn", "challenger")


def frame(predictions: list[object], labels: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"prediction": predictions, "label": labels})


def test_figures_their_difference_and_the_rows_that_change_sides() -> None:
    found = compared(NAMES, frame([0.9, 0.4, 0.1], [1, 1, 0]), frame([0.8, 0.7, 0.2], [1, 1, 0]))
    assert found.figures.loc["difference", "recall"] == 0.5
    assert list(found.figures.index) == ["churn", "challenger", "difference"]
    assert found.changed.to_dict("index") == {2: {"label": 1, "churn": 0.4, "challenger": 0.7}}
    assert found.distance == pytest.approx(0.3)
    assert "1 of 3 rows change sides; predictions are up to 0.300 apart." in found.text


def test_the_threshold_decides_which_rows_change_sides() -> None:
    first, second = frame([0.9, 0.4], [1, 0]), frame([0.8, 0.2], [1, 0])
    assert len(compared(NAMES, first, second).changed) == 0
    assert list(compared(NAMES, first, second, threshold=0.3).changed.index) == [2]


def test_the_rows_of_a_regression_that_differ_most_come_first() -> None:
    found = compared(NAMES, frame([1.5, 2.5, 3.5], [1.1, 2.2, 3.3]), frame([1.5, 9.5, 4.5], [1.1, 2.2, 3.3]))
    assert list(found.changed.index) == [2, 3]
    assert "The predictions of 3 rows are up to 7.000 apart." in found.text


def test_classes_change_sides_too() -> None:
    found = compared(NAMES, frame(["a", "b", "c"], ["a", "b", "c"]), frame(["a", "c", "c"], ["a", "b", "c"]))
    assert found.changed.to_dict("index") == {2: {"label": "b", "churn": "b", "challenger": "c"}}
    assert "1 of 3 rows change sides." in found.text


@pytest.mark.parametrize(
    ("second", "words"),
    [
        pytest.param(frame([0.1], [1]), "churn has 2 rows, challenger has 1", id="fewer rows"),
        pytest.param(frame([0.1, 0.2], [1, 1]), r"differ in 1 of 2 rows, the first is row 2 \(0 and 1\)", id="labels"),
        pytest.param(frame([0.1, 0.2], [1, 0]).drop(columns="label"), "challenger declares no labels", id="none"),
    ],
)
def test_results_of_other_records_are_not_compared(second: pd.DataFrame, words: str) -> None:
    with pytest.raises(WorkshopError, match=words):
        compared(NAMES, frame([0.9, 0.1], [1, 0]), second)


def test_two_jobs_of_a_stack_are_compared(a_stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    labels = {"path": a_stack.file("truth.csv", lines([1, 0]))}
    for name, scores in zip(NAMES, ([0.9, 0.1], [0.9, 0.6]), strict=True):
        a_stack.ran(name, {"in.csv": "1\n2\n"}, {"in.csv": lines(scores)}, labels=labels)
    assert compare.main(["--jobs", "churn challenger"]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 rows change sides" in said
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["churn", "challenger", "difference"]


@pytest.mark.parametrize("jobs", ["", "churn", "churn churn", "a b c"])
def test_two_names_of_jobs_are_required(a_stack: Stack, capsys: pytest.CaptureFixture[str], jobs: str) -> None:
    assert compare.main(["--jobs", jobs]) == 1
    assert capsys.readouterr().err == 'error: name two jobs: make compare JOBS="churn challenger"\n'
