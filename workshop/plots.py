"""The report's plots: SVG of one width, each with a text that says what it shows, legends below the axes."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import wraps
from html import escape
from typing import Any, Concatenate, ParamSpec

import matplotlib as mpl
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
RATES: Any = {"xlim": (-0.02, 1.02), "ylim": (0, 1.03)}

P = ParamSpec("P")


class Html(str):
    """HTML, which a notebook shows at the end of a cell."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return self


def plot(draw: Callable[Concatenate[Axes, P], tuple[str, str]]) -> Callable[P, Html]:
    """Make an image of what a function draws, and of the title and the text for readers who cannot see it that it returns."""

    @wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> Html:
        sink = io.BytesIO()
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=INCHES, layout="constrained")
            axes = figure.subplots()
            title, text = draw(axes, *arguments, **named)
            axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
            if len(axes.get_legend_handles_labels()[1]) > 1:  # below the axes, where it covers nothing
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False, fontsize=10)
            figure.savefig(sink, format="svg", metadata={"Date": None})
        source = base64.b64encode(sink.getvalue()).decode()
        return Html(f'<img class="plot" alt="{escape(f"{title}. {text}")}" src="data:image/svg+xml;base64,{source}">')

    return drawn


@plot
def histogram(axes: Axes, groups: dict[str, pd.Series[Any]], title: str, label: str) -> tuple[str, str]:
    """Draw how numbers are distributed; several groups, by their names, are stacked."""
    values = [group.to_numpy(float) for group in groups.values()]
    whole = np.concatenate(values)
    axes.hist(values, bins=BINS, stacked=True, color=[BLUE, ORANGE, GREY][: len(values)], label=list(groups))
    axes.set(xlabel=label, ylabel="rows")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    quarters = ", ".join(f"{value:.3g}" for value in np.quantile(whole, [0, 0.25, 0.5, 0.75, 1]))
    parts = f" {' and '.join(groups)} are shown separately." if len(groups) > 1 else ""
    text = f"Histogram of {len(whole)} rows: {label}. Smallest, quartiles and largest: {quarters}.{parts}"
    return title, text


@plot
def bars(axes: Axes, values: pd.Series[Any], title: str, label: str) -> tuple[str, str]:
    """Draw one horizontal bar for each value, the first one on top."""
    drawn = axes.barh([str(name) for name in values.index], values.to_numpy(float), color=BLUE)
    axes.bar_label(drawn, fmt="%.3g", padding=4, fontsize=10)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set(xlabel=label)
    said = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
    return title, f"Bars, {label}: {said}."


@plot
def precision_and_recall(
    axes: Axes, labels: pd.Series[Any], scores: pd.Series[Any], chosen: Metrics
) -> tuple[str, str]:
    """Draw precision over recall at every threshold, and mark the chosen one; labels are 0 or 1, scores are probabilities of 1."""
    precisions, recalls, _ = metrics.precision_recall_curve(labels, scores)
    average = metrics.average_precision_score(labels, scores)
    threshold, recall, precision = chosen.threshold, chosen.figures["recall"], chosen.figures["precision"]
    axes.plot(recalls, precisions, color=BLUE, label=f"average precision {average:.3f}")
    axes.axhline(float(labels.mean()), color=GREY, linestyle=":", label=f"every row flagged: {labels.mean():.3f}")
    axes.plot(recall, precision, "o", color=ORANGE, label=f"threshold {threshold:g}")
    axes.set(xlabel="recall", ylabel="precision", **RATES)
    said = f"At threshold {threshold:g} recall is {recall:.3f} and precision {precision:.3f}."
    return "Precision and recall", f"Precision over recall, average precision {average:.3f}. {said}"


@plot
def receiver_operating_characteristic(axes: Axes, labels: pd.Series[Any], scores: pd.Series[Any]) -> tuple[str, str]:
    """Draw the share of hits over the share of false alarms at every threshold."""
    false_rates, true_rates, _ = metrics.roc_curve(labels, scores)
    area = metrics.roc_auc_score(labels, scores)
    axes.plot(false_rates, true_rates, color=BLUE, label=f"area under the curve {area:.3f}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="guessing")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", **RATES)
    text = f"True over false positive rate, area under the curve {area:.3f}; guessing has 0.5."
    return "Receiver operating characteristic (ROC)", text


@plot
def predicted_over_labels(axes: Axes, labels: pd.Series[Any], scores: pd.Series[Any]) -> tuple[str, str]:
    """Draw each row as a point: the prediction over the label."""
    ends = [float(min(labels.min(), scores.min())), float(max(labels.max(), scores.max()))]
    axes.scatter(labels, scores, s=9, alpha=0.5, color=BLUE, linewidths=0, label="rows")
    axes.plot(ends, ends, color=GREY, linestyle=":", label="prediction equals label")
    axes.set(xlabel="label", ylabel="prediction")
    text = f"{len(labels)} points from {ends[0]:.3g} to {ends[1]:.3g}, and the diagonal."
    return "Predictions over labels", text


def shares(values: Sequence[Any]) -> pd.DataFrame:
    """Count how often each value occurs, the most frequent first."""
    counts = pd.Series(values).value_counts()
    return pd.DataFrame({"rows": counts, "share": (counts / counts.sum()).map("{:.1%}".format)})
