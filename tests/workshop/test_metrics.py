"""Figures for each kind of model, compared with counting by hand and with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from workshop import metrics
from workshop.stack import WorkshopError


def table(labels: list[Any], *predictions: list[Any]) -> pd.DataFrame:
    names = ["prediction"] if len(predictions) == 1 else [f"prediction_{n}" for n in range(len(predictions))]
    return pd.DataFrame({**dict(zip(names, predictions, strict=True)), "label": labels})


def test_hits_and_misses_are_counted() -> None:
    found = metrics.of(table([1, 0, 1, 0, 1], [0.9, 0.8, 0.2, 0.1, 0.5]))
    assert found.kind == "binary"
    assert found.confusion.to_numpy().tolist() == [[1, 1], [1, 2]]
    assert [found.figures[name] for name in ("precision", "recall", "F1")] == pytest.approx([2 / 3] * 3)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2), st.floats(0, 1))
def test_binary_figures_are_those_of_scikit_learn(rows: list[tuple[bool, float]], threshold: float) -> None:
    labels, scores = [int(label) for label, _ in rows], [score for _, score in rows]
    found = metrics.of(table(labels, scores), threshold)
    flagged = np.array(scores) >= threshold
    assert found.figures["precision"] == sklearn.precision_score(labels, flagged, zero_division=0)  # pyright: ignore[reportArgumentType] inferred from the default
    assert found.figures["recall"] == sklearn.recall_score(labels, flagged, zero_division=0)  # pyright: ignore[reportArgumentType] likewise
    if len(set(labels)) == 2:
        assert found.figures["AUC"] == sklearn.roc_auc_score(labels, scores)


def test_an_undefined_figure_is_shown_as_a_dash() -> None:
    assert metrics.of(table([0, 0], [0.1, 0.2])).text == "precision 0.000, recall 0.000, F1 0.000, AUC -"


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        pytest.param(
            [0, 1, 2, 2], [[0.8, 0.1, 0.2, 0.1], [0.1, 0.7, 0.5, 0.1], [0.1, 0.2, 0.3, 0.8]], id="probabilities"
        ),
        pytest.param([0, 1, 2, 2], [[0.0, 1.0, 1.0, 2.0]], id="numbers of classes"),
        pytest.param(["a", "b", "c", "c"], [["a", "b", "b", "c"]], id="names of classes"),
    ],
)
def test_several_classes_have_figures_of_each_and_of_all(labels: list[Any], predictions: list[list[Any]]) -> None:
    found = metrics.of(table(labels, *predictions))
    assert found.kind == "multi-class"
    assert found.figures["accuracy"] == 0.75
    assert found.figures["macro recall"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert found.by_class["precision"].tolist() == [1, 0.5, 1]
    assert found.confusion.to_numpy().tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2))
def test_figures_of_a_regression_are_those_of_scikit_learn(rows: list[tuple[float, float]]) -> None:
    labels, predictions = [label + 0.5 for label, _ in rows], [value for _, value in rows]
    if metrics.kind_of(pd.Series(labels), pd.DataFrame(predictions)) != "regression":
        return
    found = metrics.of(table(labels, predictions)).figures
    assert found["RMSE"] == sklearn.root_mean_squared_error(labels, predictions)
    assert found["MAE"] == sklearn.mean_absolute_error(labels, predictions)
    assert found["R2"] == sklearn.r2_score(labels, predictions)


@pytest.mark.parametrize(
    ("labels", "predictions", "words"),
    [
        pytest.param([0, 1], [[101, 65]], "reach from 65 to 101: probabilities are needed", id="no probabilities"),
        pytest.param([1, 2], [["a", "b"]], "the labels are numbers and the predictions are texts", id="texts"),
        pytest.param([None, 1], [[0.1, 0.2]], "1 labels are empty", id="an empty label"),
        pytest.param([1, 1], [[0.1, None]], "1 predictions are empty", id="an empty prediction"),
        pytest.param(
            [0, 3], [[0.1, 0.2], [0.9, 0.8]], r"2 classes, 0 to 1; the labels reach from 0 to 3", id="classes"
        ),
        pytest.param(
            ["a", "b"], [[0.1, 0.2], [0.9, 0.8]], "must be the classes' numbers from 0", id="names of classes"
        ),
        pytest.param([], [[]], "the result has no rows", id="nothing"),
    ],
)
def test_labels_and_predictions_that_do_not_fit_together_have_no_figures(
    labels: list[Any], predictions: list[list[Any]], words: str
) -> None:
    with pytest.raises(WorkshopError, match=words):
        metrics.of(table(labels, *predictions))


@pytest.mark.parametrize("text", ["high", "1.5", "-1"])
def test_a_threshold_is_a_number_between_0_and_1(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("THRESHOLD", text)
    with pytest.raises(WorkshopError, match=f"THRESHOLD={text}: use a number between 0 and 1"):
        metrics.threshold()


def test_the_threshold_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THRESHOLD", raising=False)
    assert metrics.threshold() == 0.5
    monkeypatch.setenv("THRESHOLD", "0.3")
    assert metrics.threshold() == 0.3
