"""The report's plots: SVG of one width, each with a text that says what it shows, legends below the axes."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn import metrics

from workshop.metrics import Metrics

INCHES = (5.6, 3.5)
"""Width and height of every plot: on a page 400 pixels wide, its letters can still be read."""
BLUE, ORANGE, GREY = "#1f5fa8", "#d9730d", "#767676"
BINS = 20
STYLE: Any = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "report"}


@dataclass(frozen=True)
class Plot:
    """A plot, and a text for readers who cannot see it."""

    svg: str
    text: str

    def _repr_html_(self) -> str:
        source = base64.b64encode(self.svg.encode()).decode()
        return f'<img class="plot" alt="{escape(self.text)}" src="data:image/svg+xml;base64,{source}">'


def histogram(groups: dict[str, pd.Series[Any]], title: str, label: str) -> Plot:
    """How numbers are distributed; several groups stand on each other.

    Args:
        groups: the numbers by the name of their group.
        title: of the plot.
        label: of the horizontal axis.
    """
    values = [group.to_numpy(float) for group in groups.values()]
    whole = np.concatenate(values)

    def draw(axes: Axes) -> None:
        colours = [BLUE, ORANGE, GREY][: len(values)]
        axes.hist(values, bins=BINS, stacked=True, color=colours, label=list(groups))
        axes.set(xlabel=label, ylabel="rows")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        if len(values) > 1:
            _legend(axes)

    quarters = ", ".join(f"{value:.3g}" for value in np.quantile(whole, [0, 0.25, 0.5, 0.75, 1]))
    parts = f" {' and '.join(groups)} are shown separately." if len(groups) > 1 else ""
    return _plot(
        draw, title, f"Histogram of {len(whole)} rows: {label}. Smallest, quartiles and largest: {quarters}.{parts}"
    )


def bars(values: pd.Series[Any], title: str, label: str) -> Plot:
    """One horizontal bar for each value, the first one on top."""

    def draw(axes: Axes) -> None:
        drawn = axes.barh([str(name) for name in values.index], values.to_numpy(float), color=BLUE)
        axes.bar_label(drawn, fmt="%.3g", padding=4, fontsize=10)
        axes.margins(x=0.12)
        axes.invert_yaxis()
        axes.set(xlabel=label)

    said = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
    return _plot(draw, title, f"Bars, {label}: {said}.")


def precision_and_recall(labels: pd.Series[Any], scores: pd.Series[Any], chosen: Metrics) -> Plot:
    """Precision over recall at every threshold, with the chosen one marked.

    Args:
        labels: 0 or 1 for each row.
        scores: the probability of 1 that was predicted.
        chosen: the figures at the chosen threshold.
    """
    precisions, recalls, _ = metrics.precision_recall_curve(labels, scores)
    average = metrics.average_precision_score(labels, scores)
    threshold, recall, precision = chosen.threshold, chosen.figures["recall"], chosen.figures["precision"]

    def draw(axes: Axes) -> None:
        axes.plot(recalls, precisions, color=BLUE, label=f"average precision {average:.3f}")
        axes.axhline(float(labels.mean()), color=GREY, linestyle=":", label=f"every row flagged: {labels.mean():.3f}")
        axes.plot(recall, precision, "o", color=ORANGE, label=f"threshold {threshold:g}")
        axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(0, 1.03))
        _legend(axes)

    said = f"At threshold {threshold:g} recall is {recall:.3f} and precision {precision:.3f}."
    return _plot(draw, "Precision and recall", f"Precision over recall, average precision {average:.3f}. {said}")


def receiver_operating_characteristic(labels: pd.Series[Any], scores: pd.Series[Any]) -> Plot:
    """The share of hits over the share of false alarms at every threshold."""
    false_rates, true_rates, _ = metrics.roc_curve(labels, scores)
    area = metrics.roc_auc_score(labels, scores)

    def draw(axes: Axes) -> None:
        axes.plot(false_rates, true_rates, color=BLUE, label=f"area under the curve {area:.3f}")
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="guessing")
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.02, 1.02), ylim=(0, 1.03))
        _legend(axes)

    title = "Receiver operating characteristic (ROC)"
    return _plot(draw, title, f"True over false positive rate, area under the curve {area:.3f}; guessing has 0.5.")


def predicted_over_labels(labels: pd.Series[Any], scores: pd.Series[Any]) -> Plot:
    """Each row as a point: the prediction over the label."""
    ends = [float(min(labels.min(), scores.min())), float(max(labels.max(), scores.max()))]

    def draw(axes: Axes) -> None:
        axes.scatter(labels, scores, s=9, alpha=0.5, color=BLUE, linewidths=0, label="rows")
        axes.plot(ends, ends, color=GREY, linestyle=":", label="prediction equals label")
        axes.set(xlabel="label", ylabel="prediction")
        _legend(axes)

    return _plot(
        draw, "Predictions over labels", f"{len(labels)} points from {ends[0]:.3g} to {ends[1]:.3g}, and the diagonal."
    )


def _plot(draw: Callable[[Axes], None], title: str, text: str) -> Plot:
    import matplotlib as mpl  # noqa: PLC0415  its settings are needed while a plot is drawn, and no longer

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=INCHES, layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
        sink = io.StringIO()
        figure.savefig(sink, format="svg", metadata={"Date": None})
    return Plot(sink.getvalue(), f"{title}. {text}")


def _legend(axes: Axes) -> None:
    """Below the axes, where it covers nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False, fontsize=10)


def shares(values: Sequence[Any]) -> pd.DataFrame:
    """How often each value is there, the most frequent first, as a table."""
    counts = pd.Series(values).value_counts()
    return pd.DataFrame({"rows": counts, "share": (counts / counts.sum()).map("{:.1%}".format)})
