"""Labels of a job: the right answers, read from the file that the job declares, and matched to its records.

They are matched by row (label n belongs to record n) or by a key that labels and result contain.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lookups import s3
from workshop.records import typed
from workshop.stack import PROJECT_FOLDER, WorkshopError

LABEL = "label"
Place = str | int
"""A column by its name, or by its position from 0; a negative one counts from the end."""


@dataclass(frozen=True)
class Declared:
    """The labels that a job declares."""

    path: str  # of a CSV file, relative to the checkout, or its S3 URI
    column: Place | None = None  # of the labels; a name means that the file has a header, None is the only column
    key: Place | None = None  # the column by which to match, by its name or position in both; None to match by row

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Declared | None:
        """Return the labels in a job's entry in the stack's outputs; None if it declares none."""
        found = job.get("labels")
        if not found:
            return None
        return cls(str(found["path"]), _place(found.get("column")), _place(found.get("key")))


def matched(
    declared: Declared, table: pd.DataFrame, written: Sequence[pd.DataFrame], client: Any = None
) -> Sequence[Any]:
    """Return the label of each row of a result.

    Args:
        declared: the labels' file and columns.
        table: the result with its input; a key column given by its name is looked up here.
        written: the result objects as they were written; a key column given by its position is looked up here.
        client: a boto3 client of S3.

    Raises:
        WorkshopError: the labels cannot be read, or do not fit the result.
    """
    known, key = _read(declared, client), declared.key
    if key is None:
        if len(known) != len(table):
            counts = f"{declared.path} has {len(known)} labels, the result has {len(table)} rows"
            raise WorkshopError(f"{counts}; give one label for each row")
        return known[LABEL].tolist()
    if isinstance(key, int):
        result = pd.concat(written, ignore_index=True)
        return _by_key(known, result[_at(key, list(result.columns), "the result")], declared.path)
    if key not in table:
        raise WorkshopError(f"the records have no column {key!r}; they have {', '.join(table.columns)}")
    return _by_key(known, table[key], declared.path)


def _read(declared: Declared, client: Any) -> pd.DataFrame:
    """Return the labels in the order of their file: the column `label`, after the column `key` if one is declared."""
    texts = _table(declared, client)
    found = texts[[_find(texts, declared, declared.column)]].set_axis([LABEL], axis=1)
    if declared.key is not None:
        found.insert(0, "key", texts[_find(texts, declared, _key_in_labels(declared, texts))])
    if not isinstance(declared.column, str) and _begins_with_a_header(found[LABEL]):
        found = found.iloc[1:].reset_index(drop=True)
    return typed(found)


def _by_key(labels: pd.DataFrame, keys: pd.Series[Any], path: str) -> Sequence[Any]:
    known = labels.set_index(labels["key"].astype("str"))[LABEL]
    if known.index.has_duplicates:
        twice = known.index[known.index.duplicated()][0]
        raise WorkshopError(f"{path} has two labels with the key {twice}; keys must be unique")
    wanted = keys.astype("str")
    missing = wanted[~wanted.isin(known.index)]
    if len(missing):
        raise WorkshopError(
            f"{path} has {len(known)} labels, the result has {len(wanted)} rows: "
            f"{len(missing)} of them have no label, the first has the key {missing.iloc[0]}"
        )
    return known.loc[wanted].tolist()


def _table(declared: Declared, client: Any) -> pd.DataFrame:
    path = declared.path
    try:
        body = s3.read(path, client) if "://" in path else (PROJECT_FOLDER / path).read_bytes()
        return pd.read_csv(  # pyright: ignore[reportCallIssue]  the stubs want one type for each column
            io.BytesIO(body),
            header=0 if isinstance(declared.column, str) else None,
            dtype=object,
            keep_default_na=False,
            encoding="utf-8-sig",
        )
    except (OSError, s3.S3Error) as error:
        raise WorkshopError(f"the labels cannot be read: {error}") from None
    except ValueError as error:  # pandas' own errors and those of decoding are ValueErrors
        raise WorkshopError(f"{path} is not a CSV file: {error}") from None


def _find(texts: pd.DataFrame, declared: Declared, place: Place | None) -> Any:
    """Return the name of a column in the file."""
    names = list(texts.columns)
    if place is None and len(names) > 1:
        raise WorkshopError(f"{declared.path} has {len(names)} columns: name the one with the labels (label_column)")
    if not isinstance(place, str):
        return _at(place or 0, names, declared.path)
    if place not in names:
        raise WorkshopError(f"{declared.path} has no column {place!r}; it has {', '.join(map(str, names))}")
    return place


def _at(position: int, names: Sequence[Any], where: str) -> Any:
    if not -len(names) <= position < len(names):
        raise WorkshopError(f"{where} has {len(names)} columns, and none at position {position}")
    return names[position]


def _key_in_labels(declared: Declared, texts: pd.DataFrame) -> Place:
    """Return the column of the key: it has the same name or position in both; without a header, a name means the first column."""
    if declared.key is not None and (isinstance(declared.key, int) or isinstance(declared.column, str)):
        return declared.key
    label = list(texts.columns).index(_find(texts, declared, declared.column))
    return 1 if label == 0 else 0


def _begins_with_a_header(column: pd.Series[Any]) -> bool:
    """Say whether the first line is a word above numbers; if the labels are words, that cannot be known."""
    rest = typed(column.iloc[1:].to_frame())[LABEL]
    first = typed(column.iloc[:1].to_frame())[LABEL]
    return len(rest) > 0 and pd.api.types.is_numeric_dtype(rest) and not pd.api.types.is_numeric_dtype(first)


def _place(value: Any) -> Place | None:
    """Return a column's place; numbers come back from a stack's outputs as floats."""
    return int(value) if isinstance(value, float) else value
