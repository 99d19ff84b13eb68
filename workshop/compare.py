"""Two jobs side by side: `make compare JOBS="churn challenger"`.

Both must have scored records with the same labels. It prints the metrics of each, how far their predictions differ, and
the rows that change sides.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workshop import metrics, results, stack
from workshop.labels import LABEL
from workshop.metrics import Metrics
from workshop.stack import WorkshopError

SHOWN = 20
"""How many of the rows that change sides are printed; those that differ most come first."""


@dataclass(frozen=True)
class Comparison:
    """Two results of the same records."""

    figures: pd.DataFrame  # one row for each job, one column for each metric, and a row of the differences
    changed: pd.DataFrame  # rows with different decisions, by number from 1; for a regression, those that differ most
    distance: float  # the largest difference between two predictions of one row; nan if they are classes
    count: int  # rows compared
    kind: metrics.Kind

    @property
    def text(self) -> str:
        """The comparison as it is printed."""
        changed = self.changed.head(SHOWN)
        said = [self.figures.map(metrics.number).to_string(), ""]
        if self.kind == "regression":
            said.append(f"The predictions of {self.count} rows are up to {metrics.number(self.distance)} apart.")
        else:
            apart = "" if np.isnan(self.distance) else f"; predictions are up to {metrics.number(self.distance)} apart"
            said.append(f"{len(self.changed)} of {self.count} rows change sides{apart}.")
        if len(changed):
            more = f", the first {SHOWN}" if len(self.changed) > SHOWN else ""
            said += [f"Rows that differ most{more}:", changed.to_string()]
        return "\n".join(said)


@stack.tool
def main(arguments: Sequence[str]) -> int:
    """Compare two jobs with the same labels: make compare JOBS="churn challenger"."""
    parser = stack.parser("compare", main.__doc__)
    parser.add_argument("--jobs", default=os.environ.get("JOBS", ""), help="two declared names with a space between")
    options = parser.parse_args(arguments)
    names = options.jobs.split()
    if len(names) != 2 or names[0] == names[1]:
        raise WorkshopError('name two jobs: make compare JOBS="churn challenger"')
    first, second = (results.frame(name, options.stack) for name in names)
    print(compared((names[0], names[1]), first, second, metrics.threshold()).text)
    return 0


def compared(
    names: tuple[str, str], first: pd.DataFrame, second: pd.DataFrame, threshold: float = metrics.THRESHOLD
) -> Comparison:
    """Compare the results of two jobs with labels, of the same records in the same order.

    Raises:
        WorkshopError: one has no labels, the labels of the two differ, or they do not fit the predictions.
    """
    _check_labels(names, first, second)
    found = (metrics.of(first, threshold), metrics.of(second, threshold))
    kinds = [one.kind for one in found]
    if kinds[0] != kinds[1]:
        raise WorkshopError(f"{names[0]} is {kinds[0]}, {names[1]} is {kinds[1]}: they have different metrics")
    figures = pd.DataFrame([one.figures for one in found], index=list(names))
    figures.loc["difference"] = figures.iloc[1] - figures.iloc[0]
    distances = _distances(results.predictions(first), results.predictions(second))
    return Comparison(
        figures=figures,
        changed=_changed(names, first, found, distances, second),
        distance=float("nan") if distances is None else float(distances.max()),
        count=len(first),
        kind=found[0].kind,
    )


def _check_labels(names: tuple[str, str], first: pd.DataFrame, second: pd.DataFrame) -> None:
    for name, table in zip(names, (first, second), strict=True):
        if LABEL not in table:
            raise WorkshopError(f"{name} declares no labels: TransformJobArgs(labels=...) says where they are")
    if len(first) != len(second):
        raise WorkshopError(f"{names[0]} has {len(first)} rows, {names[1]} has {len(second)}: the records differ")
    different = first[LABEL].astype("str").to_numpy() != second[LABEL].astype("str").to_numpy()
    if different.any():
        row = int(different.argmax())
        raise WorkshopError(
            f"the labels differ in {int(different.sum())} of {len(first)} rows, the first is row {row + 1} "
            f"({first[LABEL].iloc[row]} and {second[LABEL].iloc[row]}): compare jobs of the same records"
        )


def _distances(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series[float] | None:
    """Return how far the predictions of each row differ; None if they are not numbers, or not equally many."""
    if first.shape != second.shape:
        return None
    try:
        apart = np.abs(first.to_numpy(float) - second.to_numpy(float)).max(axis=1)
    except ValueError:
        return None
    return pd.Series(apart, first.index)


def _changed(
    names: tuple[str, str],
    first: pd.DataFrame,
    found: tuple[Metrics, Metrics],
    distances: pd.Series[float] | None,
    second: pd.DataFrame,
) -> pd.DataFrame:
    regression = found[0].kind == "regression"
    sides = [one.decided for one in found]
    shown = pd.DataFrame({"row": np.arange(1, len(first) + 1), LABEL: first[LABEL]})
    for name, table, side in zip(names, (first, second), sides, strict=True):
        scores = results.predictions(table)
        shown[name] = scores.iloc[:, 0] if scores.shape[1] == 1 else side
    order = shown if distances is None else shown.assign(_apart=distances).sort_values("_apart", ascending=False)
    differs = (distances > 0) if regression and distances is not None else sides[0].ne(sides[1])
    return order[differs.loc[order.index]].drop(columns="_apart", errors="ignore").set_index("row")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
