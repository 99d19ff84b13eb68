"""What can be filtered and joined: CSV rows, JSON Lines, JSON documents.

A format filters the records of a batch before they are sent, and joins them with the model's answer.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from data_processing.content_types import CSV
from data_processing.filters import Filter
from localcloud.batch_transform import csv_rows, json_values
from localcloud.batch_transform.csv_rows import Columns
from localcloud.batch_transform.errors import RecordError

INPUT = "input"
OUTPUT = "output from the algorithm"
LINE_COUNT = "Fail to join data: mismatched line count between the input and the output"
_Value = TypeVar("_Value")


class RecordFormat(Protocol):
    """How records of one content type are filtered and joined; every method raises `RecordError`."""

    def filtered(self, data: bytes) -> tuple[Sequence[bytes], Sequence[int]]:
        """The records of a batch after the filter, and the line of each in the batch, from 0."""
        ...

    def joined(self, data: bytes | None, answer: bytes) -> Sequence[bytes]:
        """The answers after the filter, each joined with its record where there are records."""
        ...


def record_format(kind: str, path: Filter, *, whole: bool) -> RecordFormat:
    """The format of a content type.

    Args:
        kind: one of `data_processing.content_types.CONTENT_TYPES`.
        path: the filter to apply.
        whole: whether an object is one record, not cut into lines.
    """
    return _CsvFormat(path, whole=whole) if kind == CSV else _JsonFormat(path, whole=whole)


class _CsvFormat:
    def __init__(self, path: Filter, *, whole: bool) -> None:
        self._columns = Columns(path)
        self._whole = whole

    def filtered(self, data: bytes) -> tuple[Sequence[bytes], Sequence[int]]:
        lines, places = self._lines(data, INPUT)
        if csv_rows.is_plain(data):
            return _each(self._columns.cut, places, lines), places
        return _each(self._written, places, _parsed(csv_rows.read, CSV, INPUT, places, lines)), places

    def joined(self, data: bytes | None, answer: bytes) -> Sequence[bytes]:
        answers, answer_places = self._lines(answer, OUTPUT)
        plain = csv_rows.is_plain(answer)
        read = [] if plain else _parsed(csv_rows.read, CSV, OUTPUT, answer_places, answers)
        if near := csv_rows.json_document(answer):
            raise RecordError(f"Failed to parse {OUTPUT} as CSV: it is a JSON document, found near: {near}")
        if data is None:
            return _each(
                *((self._columns.cut, answer_places, answers) if plain else (self._written, answer_places, read))
            )
        records, places = self._lines(data, INPUT)
        if plain and csv_rows.is_plain(data):
            _check_count(records, answers)
            rows = [record + b"," + answer for record, answer in zip(records, answers, strict=True)]
            return rows if self._columns.all else _each(self._columns.cut, places, rows)
        read = read or _parsed(csv_rows.read, CSV, OUTPUT, answer_places, answers)
        parsed = _parsed(csv_rows.read, CSV, INPUT, places, records)
        _check_count(records, answers)
        return _each(self._written, places, map(operator.add, parsed, read))

    def _lines(self, data: bytes, whose: str) -> tuple[list[bytes], Sequence[int]]:
        if self._whole and b"\n" in data.removesuffix(b"\n"):
            raise RecordError(f"Failed to parse {whose} as CSV: it is not cut into lines, which needs SplitType Line")
        lines = data.removesuffix(b"\n").split(b"\n")
        if b"" not in lines and b"\r" not in lines:
            return lines, range(len(lines))
        return _without(lines, [place for place, line in enumerate(lines) if line not in {b"", b"\r"}])

    def _written(self, row: list[bytes]) -> bytes:
        return csv_rows.write(self._columns.of(row))


class _JsonFormat:
    def __init__(self, path: Filter, *, whole: bool) -> None:
        self._selection = json_values.Selection(path)
        self._whole = whole

    def filtered(self, data: bytes) -> tuple[Sequence[bytes], Sequence[int]]:
        lines, places = self._lines(data)
        values = _parsed(json_values.read, "JSON", INPUT, places, lines)
        return _each(self._written, places, values), places

    def joined(self, data: bytes | None, answer: bytes) -> Sequence[bytes]:
        answers, answer_places = self._lines(answer)
        values = _parsed(json_values.read, "JSON", OUTPUT, answer_places, answers)
        if data is None:
            return _each(self._written, answer_places, values)
        records, places = self._lines(data)
        read = _parsed(json_values.read, "JSON", INPUT, places, records)
        _check_count(records, answers)
        return _each(self._written, places, map(json_values.joined, read, values))

    def _lines(self, data: bytes) -> tuple[list[bytes], Sequence[int]]:
        if self._whole:
            return [data], [0]
        lines = data.removesuffix(b"\n").split(b"\n")
        if all(map(bytes.strip, lines)):
            return lines, range(len(lines))
        return _without(lines, [place for place, line in enumerate(lines) if line.strip()])

    def _written(self, value: Any) -> bytes:
        return json_values.write(self._selection.of(value))


def _without(lines: list[bytes], places: list[int]) -> tuple[list[bytes], list[int]]:
    """Some of the lines: what is blank is no record."""
    return [lines[place] for place in places], places


def _parsed(
    parse: Callable[[bytes], _Value], kind: str, whose: str, places: Sequence[int], lines: list[bytes]
) -> list[_Value]:
    try:
        return _each(parse, places, lines)
    except RecordError as error:
        raise RecordError(
            f"Failed to parse {whose} as {kind.removeprefix('text/').upper()}: {error}", error.at
        ) from error


def _each(function: Callable[[Any], _Value], places: Sequence[int], values: Iterable[Any]) -> list[_Value]:
    """A function of each record; its error learns which one it was."""
    found: list[_Value] = []
    try:
        found.extend(map(function, values))
    except RecordError as error:
        raise RecordError(str(error), places[len(found)]) from error
    return found


def _check_count(records: Sequence[bytes], answers: Sequence[bytes]) -> None:
    if len(records) != len(answers):
        raise RecordError(f"{LINE_COUNT}: {len(records)} and {len(answers)}")
