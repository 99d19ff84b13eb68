"""The parts of a report: headline, tables and plots of a job's result, whatever kind of prediction it is.

Each function returns HTML that a notebook shows at the end of a cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from lookups import s3
from workshop import metrics, model, plots, results, stack
from workshop.labels import LABEL, Declared
from workshop.metrics import Metrics
from workshop.plots import Html
from workshop.results import MEMBER, PREDICTION, Run
from workshop.stack import WorkshopError

TOP = 10
MOST_ASKED = 1000
"""How many rows are sent one by one."""
MOST_CLASSES = 12
"""The most classes for which a confusion matrix is shown; a larger one is not readable."""
THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 0.9)
WORDS = {0: "no", 1: "yes"}


@dataclass(frozen=True)
class Result:
    """A job's result with everything that a report shows."""

    name: str  # the job's declared name
    stack: str
    job: Mapping[str, Any]  # its entry in the stack's outputs
    run: Run
    table: pd.DataFrame  # as `results.frame` returns it
    quality: Metrics | None  # None without labels
    label: str  # the name of the labels
    ranked: pd.Series[float]  # the mean size of each column's contributions, the largest first; empty if not known
    why_unknown: str = ""  # the reason if they are not known


def load(name: str, threshold: float, stack_name: str | None = None) -> Result:
    """Read everything that a report shows about a job.

    Raises:
        WorkshopError: there is no such job, it has not completed, or its result and labels cannot be read or do not fit.
    """
    job = stack.transform_job(name, stack_name)
    run = results.run(job, stack.client("sagemaker", stack_name))
    table = results.job_frame(name, job, stack.client("s3", stack_name), run.form)
    declared = Declared.of(job)
    label = declared.column if declared and isinstance(declared.column, str) else LABEL
    quality = metrics.of(table, threshold) if declared else None
    try:
        ranked, why_unknown = _ranked(table, run, stack_name), ""
    except WorkshopError as error:
        ranked, why_unknown = pd.Series(dtype=float), str(error)
    return Result(name, stack.selected(stack_name), job, run, table, quality, label, ranked, why_unknown)


def headline(result: Result) -> Html:
    """Show job, model, date, rows, and the figures that matter most."""
    terms = {
        "Job": result.run.job_name,
        "Model": result.run.model_name,
        "Finished": f"{result.run.ended:%d %B %Y, %H:%M %Z}",
        "Rows": f"{len(result.table):,}",
        "Result": str(result.job["result_path"]),
    }
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in terms.items())
    figures = "".join(
        f'<div class="figure"><span>{escape(value)}</span> {escape(name)}</div>'
        for name, value in _figures(result).items()
    )
    title = f"<h1>{escape(result.name)}</h1>"
    return Html(f'<div class="headline">{title}<dl>{facts}</dl><div class="figures">{figures}</div></div>')


def distribution(result: Result) -> Html:
    """Show how the predictions are distributed, and how often each class or range is predicted."""
    scores = results.predictions(result.table)
    first = scores.iloc[:, 0]
    if scores.shape[1] > 1 or not _is_quantity(first):
        classes = result.quality.decided if result.quality else _most_likely(scores)
        table = plots.shares(classes.tolist()).head(TOP)
        return stacked(table_of(table.rename_axis("predicted")), plots.bars(table["rows"], "Predicted classes", "rows"))
    groups = {"predictions": first}
    if result.quality and result.quality.kind == "binary":
        groups = {f"{result.label}: {word}": first[result.table[LABEL] == value] for value, word in WORDS.items()}
    plot = plots.histogram(groups, "Distribution of the predictions", PREDICTION)
    return stacked(table_of(_ranges(first).rename_axis(PREDICTION)), plot)


def quality(result: Result) -> Html:
    """Show the metrics, by kind; without labels, a sentence that says so."""
    if result.quality is None:
        return paragraph("The job declares no labels, so there are no metrics.")
    if result.quality.kind == "regression":
        return _regression(result, result.quality)
    return _binary(result, result.quality) if result.quality.kind == "binary" else _classes(result.quality)


def contributions(result: Result) -> Html:
    """Show which columns drive the predictions, if the model gives that information."""
    if result.why_unknown:
        return paragraph(f"Not known for this model: {result.why_unknown}.")
    top = result.ranked.head(TOP)
    rows = f"the first {model.MOST_ROWS} rows" if len(result.table) > model.MOST_ROWS else "all rows"
    text = f"Mean size of each column's contribution to a prediction (SHAP values, from the model), over {rows}."
    return stacked(paragraph(text), plots.bars(top, "What drives the predictions", "mean size of SHAP values"))


def first_rows(result: Result) -> Html:
    """Show the rows to look at first: the highest predictions, or those that are most wrong."""
    table, found = result.table, result.quality
    scores = results.predictions(table)
    if found and found.kind == "regression":
        text = "The rows with the prediction farthest from the label."
        order = (table[PREDICTION] - table[LABEL]).abs().sort_values(ascending=False).index
    elif found and found.kind == "multi-class":
        text = "Rows with a wrongly predicted class."
        order = table.index[(found.decided.astype(str) != table[LABEL].astype(str)).to_numpy()]
    elif scores.shape[1] == 1 and pd.api.types.is_numeric_dtype(scores.iloc[:, 0]):
        text = "The rows with the highest predictions."
        order = scores.iloc[:, 0].sort_values(ascending=False).index
    else:
        text, order = "The first rows.", table.index
    if not len(order):
        return paragraph("No row is predicted wrongly.")
    return stacked(paragraph(f"{text} Rows are counted from 1."), table_of(_shown(result, order[:TOP]), index=False))


def real_time(result: Result, invocations_url: str = "", endpoint_name: str = "") -> Html:
    """Show how long the job ran, and how long the same rows take in real time, in a container or endpoint with its model."""
    rows = [("the batch job, from its start to its end", f"{result.run.seconds:.2f}", "")]
    if not (invocations_url or endpoint_name):
        note = "Name a container or an endpoint in the first cell to send the same rows in real time."
    elif not result.run.is_plain or str(result.job["result_path"]).endswith("/"):
        note = "Rows are sent in real time only for a job that sends one CSV file as it is, without filter or join."
    else:
        ask = model.over_http(invocations_url) if invocations_url else model.over_endpoint(endpoint_name)
        found = _asked(result, ask)
        rows.append((f"{found.count} requests of one row", f"{found.one_by_one_seconds:.2f}", f"{found.equal} equal"))
        rows.append((f"one request of {found.count} rows", f"{found.together_seconds:.2f}", ""))
        note = f"{found.equal} of {found.count} answers are equal to the batch result, text for text."
    table = pd.DataFrame(rows, columns=["asked", "seconds", "answers"])
    return stacked(table_of(table, index=False), paragraph(note))


def stacked(*parts: Html) -> Html:
    """Put the parts below each other."""
    return Html("\n".join(parts))


def table_of(table: pd.DataFrame, *, index: bool = True) -> Html:
    """Show a table with one row of headings; the index, if it is shown, is a column like the others."""
    flat = table.reset_index() if index else table
    body = flat.to_html(index=False, border=0, escape=True, classes="data", justify="left", na_rep="-")
    return Html(f'<div class="table">{body}</div>')


def paragraph(text: str) -> Html:
    return Html(f"<p>{escape(text)}</p>")


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Return the same table with "yes" and "no" in columns of integers that contain only 0 and 1."""
    worded = table.copy()
    for name in worded.columns:
        if pd.api.types.is_integer_dtype(worded[name]) and set(worded[name].unique()) <= WORDS.keys():
            worded[name] = worded[name].map(WORDS)
    return worded


def _asked(result: Result, ask: model.Ask) -> model.Asked:
    client = stack.client("s3", result.stack)
    paths = (str(result.job["input_path"]), str(result.job["result_path"]))
    # Not splitlines(), which also splits at characters that a field may contain, such as U+2028.
    lines = (s3.read(path, client).decode().split("\n") for path in paths)
    records, batch = ([line for line in found if line][:MOST_ASKED] for found in lines)
    return model.asked(records, batch, ask)


def _figures(result: Result) -> dict[str, str]:
    if result.quality:
        return {name: metrics.number(value) for name, value in result.quality.figures.items()}
    scores = results.predictions(result.table)
    if scores.shape[1] == 1 and _is_quantity(scores.iloc[:, 0]):
        first = scores.iloc[:, 0]
        return {"mean": f"{first.mean():.4g}", "median": f"{first.median():.4g}", "largest": f"{first.max():.4g}"}
    classes = plots.shares(_most_likely(scores).tolist())
    return {f"predicted {name}": str(share) for name, share in classes["share"].head(3).items()}


def _is_quantity(scores: pd.Series[Any]) -> bool:
    """Say whether a histogram is more useful than a count of each value."""
    return pd.api.types.is_numeric_dtype(scores) and scores.nunique() > MOST_CLASSES


def _most_likely(scores: pd.DataFrame) -> pd.Series[Any]:
    if scores.shape[1] == 1:
        return scores.iloc[:, 0]
    try:
        return pd.Series(scores.to_numpy(float).argmax(axis=1), scores.index)
    except ValueError:
        return scores.astype("str").agg(", ".join, axis=1)


def _ranges(scores: pd.Series[Any]) -> pd.DataFrame:
    """Count the scores in ten ranges of equal width, which for probabilities go from 0 to 1."""
    probability = scores.min() >= 0 and scores.max() <= 1
    edges = np.linspace(0, 1, TOP + 1) if probability else np.linspace(scores.min(), scores.max(), TOP + 1)
    counts, _ = np.histogram(scores, edges)
    names = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    share = [f"{count / len(scores):.1%}" for count in counts]
    return pd.DataFrame({"rows": counts, "share": share}, index=names)


def _binary(result: Result, found: Metrics) -> Html:
    truth, scores = result.table[LABEL].astype(int), results.predictions(result.table).iloc[:, 0]
    at = {
        f"{threshold:g}": metrics.of(result.table, threshold)
        for threshold in sorted({*THRESHOLDS, found.threshold or metrics.THRESHOLD})
    }
    rows = [
        {"threshold": name, "flagged": int(one.decided.sum())}
        | {key: metrics.number(one.figures[key]) for key in ("precision", "recall", "F1")}
        for name, one in at.items()
    ]
    parts: list[Html] = [
        paragraph(
            f"Precision: of the rows flagged, the share where {result.label} is yes. "
            f"Recall: of the rows where {result.label} is yes, the share flagged. A row is flagged at a prediction of at least "
            f"{found.threshold:g}; the table shows what other thresholds would give."
        ),
        table_of(pd.DataFrame(rows), index=False),
        table_of(_confusion(found, WORDS, result.label), index=False),
    ]
    if truth.nunique() == 2:
        parts.append(plots.precision_and_recall(truth, scores, found))
        parts.append(plots.receiver_operating_characteristic(truth, scores))
    return stacked(*parts)


def _classes(found: Metrics) -> Html:
    by_class = found.by_class.assign(
        **{name: found.by_class[name].map(metrics.number) for name in ("precision", "recall", "F1")}
    )
    parts: list[Html] = [paragraph("Precision, recall and F1 of each class."), table_of(by_class)]
    if len(by_class) <= MOST_CLASSES:
        parts += [
            paragraph("How often each class was predicted as which."),
            table_of(_confusion(found, {}, "class"), index=False),
        ]
    return stacked(*parts)


def _regression(result: Result, found: Metrics) -> Html:
    errors = found.decided - result.table[LABEL]
    return stacked(
        paragraph(
            "RMSE: root of the mean squared error, in the label's unit; large errors weigh more. "
            "MAE: mean absolute error. R2: share of the labels' variance that the predictions explain."
        ),
        plots.predicted_over_labels(result.table[LABEL], found.decided),
        plots.histogram({"rows": errors}, "Errors", "prediction minus label"),
    )


def _confusion(found: Metrics, words: Mapping[Any, str], label: str) -> pd.DataFrame:
    named = found.confusion.rename(index=words, columns=words)
    flat = named.rename(columns=lambda name: f"predicted {name}")
    flat.insert(0, label, named.index)
    return flat


def _ranked(table: pd.DataFrame, run: Run, stack_name: str | None) -> pd.Series[float]:
    columns = model.sent(results.inputs(table), run.input_filter)
    client, sagemaker = (stack.client(service, stack_name) for service in ("s3", "sagemaker"))
    booster = model.booster_of(run.model_name, sagemaker, client)
    return model.ranked(model.contributions(booster, columns))


def _shown(result: Result, order: pd.Index[Any]) -> pd.DataFrame:
    """Some rows with their most informative columns: key or member, the columns that drive them, prediction and label."""
    table, inputs = result.table, results.inputs(result.table)
    telling = list(map(str, (result.ranked.index if len(result.ranked) else inputs.columns)[:5]))
    texts = [str(name) for name in inputs.columns if not pd.api.types.is_numeric_dtype(inputs[name])][:1]
    names = list(dict.fromkeys([*texts, *telling]))
    shown = in_words(table[[*(name for name in (MEMBER,) if name in table), *names]]).loc[order]
    shown.insert(0, "row", [int(position) + 1 for position in order])
    scores = results.predictions(table)
    for name in scores:
        values = scores[name].loc[order]
        shown[name] = values.map("{:.4g}".format) if pd.api.types.is_float_dtype(values) else values
    if LABEL in table:
        shown[result.label] = in_words(table[[LABEL]]).loc[order, LABEL]
    return shown.rename(columns=lambda name: str(name).replace("_", " "))
