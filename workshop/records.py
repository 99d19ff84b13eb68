"""Records of a batch transform job as tables: its input, its result, and the columns of predictions.

Content types follow SageMaker: `text/csv` without a header, `application/jsonlines`, and `application/json` where a
container writes one value for each record.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonpath
import numpy as np
import pandas as pd

from workshop.stack import WorkshopError

PREDICTION = "prediction"
JOINED_OUTPUT, JOINED_INPUT = "SageMakerOutput", "SageMakerInput"
MOST_PREDICTIONS = 1000
"""The most columns that a model's answer may have, if an output filter hides how many there were."""

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_CODE = re.compile(r"[+-]?0\d|.*_")
"""A leading zero, or an underscore, says that the text is an identifier: as a number it would lose it."""


@dataclass(frozen=True)
class Format:
    """How a job reads and writes records, from DescribeTransformJob."""

    content_type: str = "text/csv"  # of the input
    accept: str = "text/csv"  # of the output
    output_filter: str = "$"  # JSONPath over the joined record; `$` keeps all
    joined: bool = False  # whether each record of the result starts with the input's record
    compressed: bool = False  # whether the input is compressed by gzip

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Format:
        """Return the format of a job, from SageMaker's description of it."""
        given, made = job["TransformInput"], job["TransformOutput"]
        processing = job.get("DataProcessing") or {}
        content_type = given.get("ContentType") or "text/csv"
        return cls(
            content_type=content_type,
            accept=made.get("Accept") or content_type,
            output_filter=processing.get("OutputFilter") or "$",
            joined=processing.get("JoinSource") == "Input",
            compressed=given.get("CompressionType") == "Gzip",
        )


@dataclass(frozen=True)
class Scored:
    """A result and the input that was scored."""

    inputs: pd.DataFrame | None  # the input's columns, one row for each record; None if they are not known row by row
    predictions: pd.DataFrame  # the model's answers, one row for each record
    result: pd.DataFrame  # the result as it was written; a key column given by its position is looked up here


def scored(result: bytes, given: bytes | None, form: Format) -> Scored:
    """Parse the content of a result object, and that of its input object, which is None if it is gone.

    Raises:
        WorkshopError: one of the two does not fit its content type.
    """
    written = table(result, form.accept)
    read = None if given is None else _inputs(given, form)
    if read is not None and len(read) != len(written):
        read = None  # the model answers for a file or a batch as a whole
    if form.joined and "json" in form.accept:
        predictions, read = _joined_json(written, read)
    elif form.joined:
        predictions = _joined_csv(written, read, form.output_filter)
    else:
        predictions = written
    return Scored(read, _named(predictions), written)


def table(body: bytes, content_type: str) -> pd.DataFrame:
    """Parse records into a table, one row for each; columns without a name are numbered from 0.

    Raises:
        WorkshopError: the body does not fit the content type.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkshopError(f"byte {error.start} is not UTF-8 text") from None
    if "json" in content_type:
        return _json_table(text)
    # An XGBoost model of several classes writes each answer as a list: [0.1, 0.7, 0.2].
    return typed(_csv_table(text.replace("[", "").replace("]", "") if text.startswith("[") else text))


def typed(texts: pd.DataFrame) -> pd.DataFrame:
    """Return the same table, with numbers in columns that contain only numbers; identifiers such as `007` stay strings."""
    return pd.DataFrame({name: _typed(texts[name]) for name in texts.columns}, columns=texts.columns)


def kept_columns(output_filter: str, width: int) -> list[int] | None:
    """Return which columns of a CSV record of this width a filter such as `$[0,-1]` keeps, in the order in which it writes them.

    Returns:
        Positions from 0; None if the filter does not select by position.
    """
    if output_filter == "$":
        return list(range(width))
    try:
        found = jsonpath.findall(output_filter, list(range(width)))
    except jsonpath.JSONPathError:
        return None
    return [int(position) for position in found if isinstance(position, int)]


def _inputs(given: bytes, form: Format) -> pd.DataFrame | None:
    if not any(kind in form.content_type for kind in ("csv", "json")):
        return None
    try:
        return table(gzip.decompress(given) if form.compressed else given, form.content_type)
    except (OSError, EOFError, zlib.error) as error:
        raise WorkshopError(f"the job's input cannot be decompressed by gzip: {error}") from error


def _csv_table(text: str) -> pd.DataFrame:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), skipinitialspace=True) if row]
    except csv.Error as error:
        raise WorkshopError(f"it is not CSV that can be read: {error}") from error
    width = len(rows[0]) if rows else 0
    if odd := next((number for number, row in enumerate(rows, start=1) if len(row) != width), None):
        raise WorkshopError(f"record {odd} has {len(rows[odd - 1])} columns, the first one has {width}")
    return pd.DataFrame(rows, columns=range(width), dtype=object)


def _json_table(text: str) -> pd.DataFrame:
    values = list(_json_values(text))
    if values and all(isinstance(value, dict) for value in values):
        return pd.DataFrame(values)
    lists = [value if isinstance(value, list) else [value] for value in values]
    return pd.DataFrame(lists)


def _json_values(text: str) -> Iterable[Any]:
    """Parse one value for each line; or one document, whose items are the records if it is a list of records."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        lines = [line for line in text.split("\n") if line.strip()]  # a string in it may contain other line ends
    else:
        nested = isinstance(whole, list) and bool(whole) and isinstance(whole[0], (list, dict))
        return whole if nested else [whole]
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        raise WorkshopError(f"it is neither JSON nor JSON Lines: {error}") from None


def _joined_csv(written: pd.DataFrame, read: pd.DataFrame | None, output_filter: str) -> pd.DataFrame:
    """Return the columns that come from the model: those that the filter keeps from beyond the input's width."""
    width = written.shape[1]
    if read is not None:
        given = read.shape[1]
        for more in range(1, MOST_PREDICTIONS):
            kept = kept_columns(output_filter, given + more)
            if kept is None:
                break
            if len(kept) == width:
                return _answers(written[[place for place, position in enumerate(kept) if position >= given]])
            if len(kept) > width:
                break
    return _answers(written.iloc[:, -1:])


def _answers(columns: pd.DataFrame) -> pd.DataFrame:
    """Return the model's columns of a joined record; an answer that was a list still has its brackets."""
    if columns.empty:
        raise WorkshopError("its records contain no prediction: the job's output filter removes it")
    return typed(columns.astype("str").apply(lambda column: column.str.strip("[] ")))


def _joined_json(written: pd.DataFrame, read: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    if JOINED_OUTPUT not in written:
        raise WorkshopError(f"its records have no {JOINED_OUTPUT}, which a joined result contains")
    answers = _json_table("\n".join(json.dumps(value) for value in written[JOINED_OUTPUT]))
    if JOINED_INPUT in written:
        return answers, read
    rest = written.drop(columns=JOINED_OUTPUT)
    return answers, rest if read is None and not rest.empty else read


def _named(predictions: pd.DataFrame) -> pd.DataFrame:
    """Name the columns: one is called `prediction`; several have their number or their own name after it."""
    if predictions.shape[1] == 1:
        return predictions.set_axis([PREDICTION], axis=1)
    numbered = all(name.isdecimal() for name in map(str, predictions.columns))
    columns = range(predictions.shape[1]) if numbered else predictions.columns
    return predictions.set_axis([f"{PREDICTION}_{name}" for name in columns], axis=1)


def _typed(column: pd.Series[Any]) -> pd.Series[Any]:
    texts: Sequence[str] = column.tolist()
    if all(map(_INTEGER.fullmatch, texts)):
        return pd.Series(np.array(texts, dtype=np.int64), column.index)
    if any(map(_CODE.match, texts)):
        return column.astype("str")
    try:
        # Python reads each number as the nearest double, which is the one that was written.
        return pd.Series([float(text) if text else np.nan for text in texts], column.index, dtype=np.float64)
    except ValueError:
        return column.astype("str")
