"""How good predictions are, measured against labels by scikit-learn's metrics for the kind of prediction.

The kind follows from the data: labels 0 and 1 with probabilities are binary; classes, or one probability for each class,
are multi-class; other numbers are a regression.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn import metrics

from workshop.labels import LABEL
from workshop.results import predictions
from workshop.stack import WorkshopError

THRESHOLD = 0.5
MOST_CLASSES = 100
"""More different values than this are a quantity, not classes."""

Kind = Literal["binary", "multi-class", "regression"]


@dataclass(frozen=True)
class Metrics:
    """Metrics of one result; a regression has no classes, and so neither of the two tables."""

    kind: Kind
    figures: Mapping[str, float]  # the main metrics by name; nan for one that is not defined
    confusion: pd.DataFrame = field(default_factory=pd.DataFrame)  # rows are labels, columns are predictions
    by_class: pd.DataFrame = field(default_factory=pd.DataFrame)  # precision, recall, F1 and count of each class
    threshold: float | None = None  # scores of at least this count as 1; None if the kind has none
    decided: pd.Series[Any] = field(default_factory=lambda: pd.Series(dtype=object))  # class or number, by row

    @property
    def text(self) -> str:
        """The main metrics in one line."""
        return ", ".join(f"{name} {number(value)}" for name, value in self.figures.items())


def of(table: pd.DataFrame, threshold: float = THRESHOLD) -> Metrics:
    """Compute the metrics of a result.

    Args:
        table: as `results.frame` returns it, with its column `label`.
        threshold: for a binary prediction; scores of at least this count as 1.

    Raises:
        WorkshopError: predictions and labels do not fit together, or there are no rows.
    """
    labels, scores = table[LABEL], predictions(table)
    if table.empty:
        raise WorkshopError("the result has no rows")
    kind = kind_of(labels, scores)
    if kind == "binary":
        return _binary(labels, scores.iloc[:, 0], threshold)
    if kind == "multi-class":
        return _multi_class(labels, _classes(labels, scores))
    return _regression(labels, scores.iloc[:, 0])


def kind_of(labels: pd.Series[Any], scores: pd.DataFrame) -> Kind:
    """Return the kind of prediction.

    Raises:
        WorkshopError: it is not one of the three.
    """
    if labels.isna().any():
        raise WorkshopError(f"{int(labels.isna().sum())} labels are empty")
    if scores.shape[1] > 1:
        return "multi-class"
    first = scores.iloc[:, 0]
    if first.isna().any():
        raise WorkshopError(f"{int(first.isna().sum())} predictions are empty")
    kinds = ["numbers" if is_numeric_dtype(values) else "texts" for values in (labels, first)]
    if kinds[0] != kinds[1]:
        raise WorkshopError(f"the labels are {kinds[0]} and the predictions are {kinds[1]}")
    return _kind_of_numbers(labels.to_numpy(float), first.to_numpy(float)) if kinds[0] == "numbers" else "multi-class"


def threshold() -> float:
    """Return the threshold in the environment variable THRESHOLD, else the usual one.

    Raises:
        WorkshopError: it is not a number between 0 and 1.
    """
    text = os.environ.get("THRESHOLD") or str(THRESHOLD)
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise WorkshopError(f"THRESHOLD={text}: use a number between 0 and 1")
    return found


def number(value: float) -> str:
    """Return a metric as text: three decimals below 1000, a dash if it is not defined."""
    if np.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def _kind_of_numbers(labels: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> Kind:
    if set(np.unique(labels)) <= {0.0, 1.0}:
        if scores.min() >= 0 and scores.max() <= 1:
            return "binary"
        raise WorkshopError(
            f"the labels are 0 and 1, and the predictions reach from {scores.min():g} to {scores.max():g}: "
            "probabilities are needed"
        )
    whole = all(np.equal(np.mod(values, 1), 0).all() for values in (labels, scores))
    few = all(len(np.unique(values)) <= MOST_CLASSES for values in (labels, scores))
    return "multi-class" if whole and few else "regression"


def _binary(labels: pd.Series[Any], scores: pd.Series[Any], threshold: float) -> Metrics:
    truth = labels.astype(int)
    decided = (scores >= threshold).astype(int)
    precision, recall, f1, _ = _precision_recall_f1(truth, decided, average="binary")
    area = float(metrics.roc_auc_score(truth, scores)) if truth.nunique() == 2 else float("nan")
    figures = {"precision": float(precision), "recall": float(recall), "F1": float(f1), "AUC": area}
    confusion, by_class = _by_class(truth, decided, [0, 1])
    return Metrics("binary", figures, confusion, by_class, threshold, decided)


def _multi_class(labels: pd.Series[Any], decided: pd.Series[Any]) -> Metrics:
    precision, recall, f1, _ = _precision_recall_f1(labels, decided, average="macro")
    figures = {
        "accuracy": float(metrics.accuracy_score(labels, decided)),
        "macro precision": float(precision),
        "macro recall": float(recall),
        "macro F1": float(f1),
    }
    classes = sorted({*labels.unique(), *decided.unique()})
    confusion, by_class = _by_class(labels, decided, classes)
    return Metrics("multi-class", figures, confusion, by_class, None, decided)


def _regression(labels: pd.Series[Any], scores: pd.Series[Any]) -> Metrics:
    figures = {
        "RMSE": float(metrics.root_mean_squared_error(labels, scores)),
        "MAE": float(metrics.mean_absolute_error(labels, scores)),
        "R2": float(metrics.r2_score(labels, scores)) if len(labels) > 1 else float("nan"),
    }
    return Metrics("regression", figures, decided=scores)


def _classes(labels: pd.Series[Any], scores: pd.DataFrame) -> pd.Series[Any]:
    """Return the predicted class of each row, in the labels' own terms."""
    if scores.shape[1] == 1:
        found = scores.iloc[:, 0]
        return found.astype(labels.dtype) if is_numeric_dtype(labels) else found
    if not is_numeric_dtype(labels):
        raise WorkshopError("with one probability for each class, the labels must be the classes' numbers from 0")
    known = sorted(labels.unique())
    if known[0] < 0 or known[-1] >= scores.shape[1]:
        raise WorkshopError(
            f"the result has probabilities of {scores.shape[1]} classes, 0 to {scores.shape[1] - 1}; "
            f"the labels reach from {known[0]} to {known[-1]}"
        )
    return pd.Series(scores.to_numpy(float).argmax(axis=1), labels.index).astype(labels.dtype)


def _by_class(labels: pd.Series[Any], decided: pd.Series[Any], classes: list[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    counted = pd.crosstab(labels.to_numpy(), decided.to_numpy())
    confusion = counted.reindex(index=classes, columns=classes, fill_value=0).rename_axis(None, axis=1)
    columns = _precision_recall_f1(labels, decided, labels=classes)
    by_class = pd.DataFrame(
        dict(zip(("precision", "recall", "F1", "count"), columns, strict=True)), index=pd.Index(classes, name="class")
    )
    return confusion, by_class


def _precision_recall_f1(truth: pd.Series[Any], decided: pd.Series[Any], **how: Any) -> tuple[Any, ...]:
    """Precision, recall, F1 and count; 0 for a class that was never predicted or does not occur."""
    return metrics.precision_recall_fscore_support(truth, decided, zero_division=0, **how)  # pyright: ignore[reportArgumentType] it is inferred from the default
