"""The formats that filters and joins understand: CSV rows, JSON documents, JSON Lines.

A codec turns a record's bytes into a value and back, and joins an input value with the model's output value.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Protocol

from localcloud.batch_transform.errors import client_error
from localcloud.batch_transform.jsonpath import NothingSelectedError, Path
from localcloud.batch_transform.unverified import Choices

INPUT_KEY = "SageMakerInput"
OUTPUT_KEY = "SageMakerOutput"
CSV = "text/csv"
MEDIA_TYPES = (CSV, "application/json", "application/jsonlines")

_CSV_SPECIAL = re.compile(r'[",\r\n]|^\\\.$')
# A quote, a carriage return, a field that begins with a space, or text beyond ASCII, in which there are other spaces.
_CSV_UNPLAIN = re.compile(rb'["\r\x80-\xff]|(?:\A|[,\n])[\s\x1c-\x1f]')
_CONSTANTS = {True: "true", False: "false", None: "null"}
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Codec(Protocol):
    """How one media type is read, joined and written."""

    def parse(self, record: bytes, whose: str) -> Any:
        """A record's value; `whose` says in the failure what could not be parsed."""
        ...

    def join(self, record: Any, answer: Any) -> Any: ...

    def filter(self, path: Path, value: Any) -> Any: ...

    def render(self, value: Any) -> bytes: ...

    def joins_as_text(self, records: Sequence[bytes], answers: Sequence[bytes]) -> bool:
        """Whether joining is the same as putting a comma between: then nothing need be parsed."""
        ...


def media_type(header: str | None) -> str | None:
    """The one of the three media types that a header names, None where it is none of them."""
    name = (header or "").partition(";")[0].strip().lower()
    return name if name in MEDIA_TYPES else None


def codec(name: str, choices: Choices) -> Codec:
    return CsvCodec(choices) if name == CSV else JsonCodec(choices)


class CsvCodec:
    """A row is a list of texts; no field is ever converted."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def parse(self, record: bytes, whose: str) -> list[str]:
        line = record.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if '"' not in line and "\n" not in line:
            return line.split(",")
        try:
            return next(csv.reader([line], strict=True))
        except csv.Error as error:
            raise client_error(f"Failed to parse {whose} as CSV") from error

    def join(self, record: list[str], answer: list[str]) -> list[str]:
        return [*record, *answer]

    def filter(self, path: Path, value: list[str]) -> list[str]:
        if not path.indexes_only:
            raise client_error(f"Filter {path.text} selects by name: a CSV row has indexes only")
        try:
            return path.nodes(value, strict=True, inclusive=self._choices.slice_end_inclusive) if path.steps else value
        except NothingSelectedError as error:
            raise client_error(f"Filter {path.text} is out of range: the row has {len(value)} columns") from error

    def render(self, value: list[str]) -> bytes:
        return ",".join(map(self._field, value)).encode("utf-8", "surrogateescape")

    def joins_as_text(self, records: Sequence[bytes], answers: Sequence[bytes]) -> bool:
        return not any(_CSV_UNPLAIN.search(text) for text in (b"\n".join(records), b"\n".join(answers)))

    def _field(self, text: str) -> str:
        if _CSV_SPECIAL.search(text) or (self._choices.csv_space_quoted and text[:1].isspace()):
            return '"' + text.replace('"', '""') + '"'
        return text


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class JsonCodec:
    """A record is one JSON text. Written compactly, keys sorted by their bytes."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        number = _Number if choices.json_numbers_keep_text else _as_go
        self._decoder = json.JSONDecoder(parse_float=number, parse_int=number, parse_constant=_refuse)

    def parse(self, record: bytes, whose: str) -> Any:
        try:
            return self._decoder.decode(record.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise client_error(f"Failed to parse {whose} as JSON") from error

    def join(self, record: Any, answer: Any) -> Any:
        if isinstance(record, dict):
            return {**record, OUTPUT_KEY: answer}
        return {INPUT_KEY: record, OUTPUT_KEY: answer}

    def filter(self, path: Path, value: Any) -> Any:
        strict, inclusive = self._choices.missing_name_fails, self._choices.slice_end_inclusive
        try:
            return path.project(value, strict=strict, inclusive=inclusive)
        except NothingSelectedError as error:
            raise client_error(f"Filter {path.text} selects nothing of a record: {error}") from error

    def joins_as_text(self, records: Sequence[bytes], answers: Sequence[bytes]) -> bool:  # noqa: ARG002  never
        return False

    def render(self, value: Any) -> bytes:
        text = _encode(value)
        return (text.translate(_HTML) if self._choices.json_html_escaped else text).encode("utf-8", "surrogatepass")


def _encode(value: Any) -> str:
    if isinstance(value, str):
        return str(value) if isinstance(value, _Number) else encode_basestring(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(key)}:{_encode(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_encode, value)) + "]"
    return _CONSTANTS[value]


def _as_go(text: str) -> _Number:
    """A number as Go's encoding/json writes the float64 that it reads it into."""
    number = float(text)
    if number == 0 or 1e-6 <= abs(number) < 1e21:
        return _Number(format(Decimal(repr(number)), "f").removesuffix(".0"))
    return _Number(re.sub(r"e([+-])0(\d)$", r"e\1\2", repr(number)))


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
