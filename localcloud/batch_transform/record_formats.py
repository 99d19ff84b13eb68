"""The formats of records that can be filtered and joined: CSV, JSON Lines, and JSON documents.

A format filters the records of a batch before they are sent, and joins them with the model's answer.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from data_processing.content_types import CSV
from data_processing.filters import Filter
from localcloud.batch_transform import csv_rows, json_values
from localcloud.batch_transform.csv_rows import Columns, Rows
from localcloud.batch_transform.errors import RecordError, each

INPUT = "input"
OUTPUT = "output from the algorithm"
LINE_COUNT = "Fail to join data: mismatched line count between the input and the output"


class RecordFormat(Protocol):
    """How records of one content type are filtered and joined; every method raises `RecordError`."""

    def filtered(self, data: bytes) -> tuple[Sequence[bytes], Sequence[int]]:
        """Filter records.

        Args:
            data: the records of a batch.

        Returns:
            The filtered records without newlines, and the line of each in the batch, from 0.
        """
        ...

    def joined(self, data: bytes | None, answer: bytes) -> Sequence[bytes]:
        """Filter answers, each joined with its record.

        Args:
            data: the records of the request; None if answers are not joined.
            answer: the model's answer to the request.

        Returns:
            The text to write for each record, without newlines.
        """
        ...


def record_format(kind: str, path: Filter, *, whole: bool) -> RecordFormat:
    """The format of a content type.

    Args:
        kind: one of `data_processing.content_types.CONTENT_TYPES`.
        path: the filter to apply.
        whole: whether an object is one record and not split into lines.
    """
    return _CsvFormat(path, whole=whole) if kind == CSV else _JsonFormat(path, whole=whole)


class _CsvFormat:
    def __init__(self, path: Filter, *, whole: bool) -> None:
        self._columns = Columns(path)
        self._whole = whole

    def filtered(self, data: bytes) -> tuple[Sequence[bytes], Sequence[int]]:
        rows, places = self._read(data, INPUT)
        with _placed(places):
            return self._columns.select(rows), places

    def joined(self, data: bytes | None, answer: bytes) -> Sequence[bytes]:
        answers, answer_places = self._read(answer, OUTPUT)
        if near := csv_rows.json_document(answer):
            raise RecordError(f"Failed to parse {OUTPUT} as CSV: it is a JSON document, found near: {near}")
        if data is None:
            with _placed(answer_places):
                return self._columns.select(answers)
        records, places = self._read(data, INPUT)
        _check_count(places, answer_places)
        with _placed(places):
            return self._columns.select_joined(records, answers)

    def _read(self, data: bytes, source: str) -> tuple[Rows, Sequence[int]]:
        lines, places = self._lines(data, source)
        with _placed(places), _parsing(source, "CSV"):
            return Rows(data, lines), places

    def _lines(self, data: bytes, source: str) -> tuple[list[bytes], Sequence[int]]:
        if self._whole and b"\n" in data.removesuffix(b"\n"):
            raise RecordError(
                f"Failed to parse {source} as CSV: it is not split into lines, which needs SplitType Line"
            )
        lines = data.removesuffix(b"\n").split(b"\n")
        if b"" not in lines and b"\r" not in lines:
            return lines, range(len(lines))
        return _lines_at(lines, [place for place, line in enumerate(lines) if line not in {b"", b"\r"}])


class _JsonFormat:
    def __init__(self, path: Filter, *, whole: bool) -> None:
        self._selection = json_values.Selection(path)
        self._whole = whole

    def filtered(self, data: bytes) -> tuple[Sequence[bytes], Sequence[int]]:
        lines, places = self._lines(data)
        values = self._read(lines, places, INPUT)
        with _placed(places):
            return each(self._written, values), places

    def joined(self, data: bytes | None, answer: bytes) -> Sequence[bytes]:
        answers, answer_places = self._lines(answer)
        values = self._read(answers, answer_places, OUTPUT)
        if data is None:
            with _placed(answer_places):
                return each(self._written, values)
        records, places = self._lines(data)
        read = self._read(records, places, INPUT)
        _check_count(records, answers)
        with _placed(places):
            return each(self._written, map(json_values.joined, read, values))

    def _read(self, lines: Sequence[bytes], places: Sequence[int], source: str) -> list[Any]:
        with _placed(places), _parsing(source, "JSON"):
            return each(json_values.read, lines)

    def _lines(self, data: bytes) -> tuple[list[bytes], Sequence[int]]:
        if self._whole:
            return [data], [0]
        lines = data.removesuffix(b"\n").split(b"\n")
        if all(map(bytes.strip, lines)):
            return lines, range(len(lines))
        return _lines_at(lines, [place for place, line in enumerate(lines) if line.strip()])

    def _written(self, value: Any) -> bytes:
        return json_values.write(self._selection.of(value))


def _lines_at(lines: list[bytes], places: list[int]) -> tuple[list[bytes], list[int]]:
    """The lines at these positions, which are those that are not blank, and the positions."""
    return [lines[place] for place in places], places


@contextmanager
def _parsing(source: str, kind: str) -> Generator[None]:
    """Add to an error which text cannot be read."""
    try:
        yield
    except RecordError as error:
        raise RecordError(f"Failed to parse {source} as {kind}: {error}", error.at) from error


@contextmanager
def _placed(places: Sequence[int]) -> Generator[None]:
    """Replace the position of a record in an error with that of its line."""
    try:
        yield
    except RecordError as error:
        raise RecordError(str(error), None if error.at is None else places[error.at]) from error


def _check_count(records: Sequence[object], answers: Sequence[object]) -> None:
    if len(records) != len(answers):
        raise RecordError(f"{LINE_COUNT}: {len(records)} and {len(answers)}")
