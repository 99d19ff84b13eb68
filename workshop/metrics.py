"""How good predictions are, measured against labels by the metrics for the kind of prediction.

The kind follows from the data: labels 0 and 1 with probabilities are binary; classes, or one probability for each class,
are multi-class; other numbers are a regression. The metrics are scikit-learn's, computed here because loading scikit-learn
would take a quarter of the time of a `make up` that changes nothing; tests hold them against scikit-learn's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from workshop.labels import LABEL
from workshop.results import predictions

THRESHOLD = 0.5
MOST_CLASSES = 100
"""More different values than this are a quantity, not classes."""

_OF_CLASS: Final = ("precision", "recall", "F1")
Kind = Literal["binary", "multi-class", "regression"]


class MetricsError(Exception):
    """Predictions and labels for which there are no metrics; the message says why."""


@dataclass(frozen=True)
class Metrics:
    """Metrics of one result.

    Attributes:
        kind: what was predicted.
        figures: the main metrics by name; nan for one that is not defined.
        confusion: rows are labels, columns are predictions; empty for a regression.
        by_class: precision, recall, F1 and count of each class; empty for a regression.
        threshold: scores of at least this count as 1; None if the kind has none.
    """

    kind: Kind
    figures: Mapping[str, float]
    confusion: pd.DataFrame = field(default_factory=pd.DataFrame)
    by_class: pd.DataFrame = field(default_factory=pd.DataFrame)
    threshold: float | None = None
    decided: pd.Series[Any] = field(default_factory=lambda: pd.Series(dtype=object))
    """The class that is predicted for each row, or the predicted number."""

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
        MetricsError: predictions and labels do not fit together, or there are no rows.
    """
    labels, scores = table[LABEL], predictions(table)
    if table.empty:
        raise MetricsError("the result has no rows")
    kind = kind_of(labels, scores)
    if kind == "binary":
        return _binary(labels, scores.iloc[:, 0], threshold)
    if kind == "multi-class":
        return _multi_class(labels, _classes(labels, scores))
    return _regression(labels, scores.iloc[:, 0])


def kind_of(labels: pd.Series[Any], scores: pd.DataFrame) -> Kind:
    """What kind of prediction it is.

    Raises:
        MetricsError: it is not one of the three.
    """
    if labels.isna().any():
        raise MetricsError(f"{int(labels.isna().sum())} labels are empty")
    if scores.shape[1] > 1:
        return "multi-class"
    first = scores.iloc[:, 0]
    if first.isna().any():
        raise MetricsError(f"{int(first.isna().sum())} predictions are empty")
    if _is_number(labels) and _is_number(first):
        return _kind_of_numbers(labels.to_numpy(float), first.to_numpy(float))
    if _is_number(labels) != _is_number(first):
        words = ("numbers", "texts") if _is_number(labels) else ("texts", "numbers")
        raise MetricsError(f"the labels are {words[0]} and the predictions are {words[1]}")
    return "multi-class"


def threshold() -> float:
    """The threshold in the environment variable THRESHOLD, else the usual one.

    Raises:
        MetricsError: it is not a number between 0 and 1.
    """
    text = os.environ.get("THRESHOLD") or str(THRESHOLD)
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise MetricsError(f"THRESHOLD={text}: use a number between 0 and 1")
    return found


def number(value: float) -> str:
    """A metric as text: three decimals below 1000, a dash if it is not defined."""
    if np.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def _kind_of_numbers(labels: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> Kind:
    if set(np.unique(labels)) <= {0.0, 1.0}:
        if scores.min() >= 0 and scores.max() <= 1:
            return "binary"
        raise MetricsError(
            f"the labels are 0 and 1, and the predictions reach from {scores.min():g} to {scores.max():g}: "
            "probabilities are needed"
        )
    whole = all(np.equal(np.mod(values, 1), 0).all() for values in (labels, scores))
    few = all(len(np.unique(values)) <= MOST_CLASSES for values in (labels, scores))
    return "multi-class" if whole and few else "regression"


def _binary(labels: pd.Series[Any], scores: pd.Series[Any], threshold: float) -> Metrics:
    truth = labels.astype(int)
    decided = (scores >= threshold).astype(int)
    confusion, by_class = _by_class(truth, decided, [0, 1])
    figures = {name: float(by_class[name].to_numpy()[1]) for name in _OF_CLASS} | {"AUC": _area(truth, scores)}
    return Metrics("binary", figures, confusion, by_class, threshold, decided)


def _multi_class(labels: pd.Series[Any], decided: pd.Series[Any]) -> Metrics:
    classes = sorted({*labels.unique(), *decided.unique()})
    confusion, by_class = _by_class(labels, decided, classes)
    figures = {"accuracy": float((labels.to_numpy() == decided.to_numpy()).mean())}
    figures |= {f"macro {name}": float(by_class[name].mean()) for name in _OF_CLASS}
    return Metrics("multi-class", figures, confusion, by_class, None, decided)


def _regression(labels: pd.Series[Any], scores: pd.Series[Any]) -> Metrics:
    errors = scores.to_numpy(float) - labels.to_numpy(float)
    figures = {
        "RMSE": float(np.sqrt(np.mean(errors**2))),
        "MAE": float(np.mean(np.abs(errors))),
        "R2": _explained(labels.to_numpy(float), errors) if len(labels) > 1 else float("nan"),
    }
    return Metrics("regression", figures, decided=scores)


def _classes(labels: pd.Series[Any], scores: pd.DataFrame) -> pd.Series[Any]:
    """The predicted class of each row, in the labels' own terms."""
    if scores.shape[1] == 1:
        found = scores.iloc[:, 0]
        return found.astype(labels.dtype) if _is_number(labels) else found
    if not _is_number(labels):
        raise MetricsError("with one probability for each class, the labels must be the classes' numbers from 0")
    known = sorted(labels.unique())
    if known[0] < 0 or known[-1] >= scores.shape[1]:
        raise MetricsError(
            f"the result has probabilities of {scores.shape[1]} classes, 0 to {scores.shape[1] - 1}; "
            f"the labels reach from {known[0]} to {known[-1]}"
        )
    return pd.Series(scores.to_numpy(float).argmax(axis=1), labels.index).astype(labels.dtype)


def _by_class(labels: pd.Series[Any], decided: pd.Series[Any], classes: list[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    counted = pd.crosstab(labels.to_numpy(), decided.to_numpy())
    confusion = counted.reindex(index=classes, columns=classes, fill_value=0).rename_axis(None, axis=1)
    hits = np.diag(confusion.to_numpy()).astype(float)
    predicted, occurring = confusion.sum(axis=0).to_numpy(), confusion.sum(axis=1).to_numpy()
    columns = {
        "precision": _share(hits, predicted),
        "recall": _share(hits, occurring),
        "F1": _share(2 * hits, predicted + occurring),
        "count": occurring,
    }
    return confusion, pd.DataFrame(columns, index=pd.Index(classes, name="class"))


def _share(part: np.ndarray[Any, Any], whole: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A quotient for each class; 0 for a class that was never predicted or does not occur."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _area(truth: pd.Series[Any], scores: pd.Series[Any]) -> float:
    """The area under the ROC curve: how often a row with label 1 scores higher than one with label 0, ties by half."""
    ones, zeros = int(truth.sum()), int((1 - truth).sum())
    if not ones or not zeros:
        return float("nan")
    ranks = scores.rank().to_numpy()[truth.to_numpy() == 1]
    return float((ranks.sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _explained(labels: np.ndarray[Any, Any], errors: np.ndarray[Any, Any]) -> float:
    """R2; of labels that are all the same it is 1 if they are met, else 0."""
    variation, missed = float(np.sum((labels - np.mean(labels)) ** 2)), float(np.sum(errors**2))
    if variation == 0:
        return float(missed == 0)
    return 1 - missed / variation


def _is_number(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values)
