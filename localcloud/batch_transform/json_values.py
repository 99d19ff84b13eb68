"""JSON as SageMaker reads and writes it when it filters or joins.

A value is written without spaces and with sorted keys, as in the joined lines of public reports. Numbers keep their text,
so that they lose no digits.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

import jsonpath

from data_processing.filters import Filter, Selector, Step
from localcloud.batch_transform.errors import RecordError
from localcloud.batch_transform.splitting import shown

INPUT_KEY = "SageMakerInput"
OUTPUT_KEY = "SageMakerOutput"
_BEFORE = 20  # characters that are shown before the one that cannot be read
_TOO_DEEP = "it is nested too deeply"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONSTANTS = {True: "true", False: "false", None: "null"}


class Selection:
    """A filter on JSON values.

    A path of names and indexes selects values that must exist. Several names at its end give an object of these names,
    several indexes a list. A path with a wildcard or a slice gives a list of the values that exist.
    """

    def __init__(self, path: Filter) -> None:
        self._text = path.text
        self._steps = path.steps
        self._definite = all(step.selectors and not step.ranges for step in path.steps)
        self._paths = [
            (selector, jsonpath.compile(one.rfc9535))
            for selector, one in (_alternatives(path) if self._definite else [(None, path)])
        ]

    def of(self, value: Any) -> Any:
        """Filter a value.

        Args:
            value: a value that `read` returned.

        Raises:
            RecordError: the value does not have a name or an index of the filter.
        """
        if not self._steps:
            return value
        # The library would read a document that is a text as JSON.
        found = [[] if isinstance(value, str) else path.findall(value) for _, path in self._paths]
        if not self._definite:
            return found[0]
        if missing := [str(selector) for (selector, _), values in zip(self._paths, found, strict=True) if not values]:
            raise RecordError(f"Filter {self._text} selects nothing of the record: {missing[0]!r} is not there")
        last = self._steps[-1]
        if any(len(step.selectors) > 1 for step in self._steps[:-1]):
            return [values[0] for values in found]
        if last.single:
            return found[0][0]
        if last.names:
            return {str(selector): values[0] for (selector, _), values in zip(self._paths, found, strict=True)}
        return [values[0] for values in found]


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def read(text: bytes) -> Any:
    """Read a JSON text. Numbers are `Number`; the last of equal keys in an object counts.

    Raises:
        RecordError: it is not JSON; the message has the text.
    """
    try:
        return _DECODER.decode(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        near = error.doc[max(0, error.pos - _BEFORE) :].encode("utf-8", "replace")
        raise RecordError(f"{error.msg}, found near: {shown(near)}") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"it is not UTF-8, found near: {shown(text[max(0, error.start - _BEFORE) :])}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{_TOO_DEEP if isinstance(error, RecursionError) else error}: {shown(text)}") from error


def write(value: Any) -> bytes:
    """Write a value as one line. Half of a surrogate pair becomes the replacement character, as in Go.

    Raises:
        RecordError: it is nested too deeply.
    """
    try:
        text = _encoded(value)
    except RecursionError:
        raise RecordError(_TOO_DEEP) from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def joined(record: Any, answer: Any) -> Any:
    """Join a record with the model's answer to it: both are values that `read` returned."""
    if isinstance(record, dict):
        return {**record, OUTPUT_KEY: answer}
    return {INPUT_KEY: record, OUTPUT_KEY: answer}


def _alternatives(path: Filter) -> list[tuple[Selector, Filter]]:
    """Paths of one value each. Together they select the same values as a path without wildcards and slices."""
    found: list[tuple[Selector, tuple[Step, ...]]] = [("", ())]
    for step in path.steps:
        found = [(selector, (*before, Step((selector,)))) for _, before in found for selector in step.selectors]
    return [(selector, Filter(path.text, steps)) for selector, steps in found]


def _encoded(value: Any) -> str:
    if isinstance(value, str):
        return str(value) if isinstance(value, Number) else encode_basestring(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(key)}:{_encoded(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_encoded, value)) + "]"
    return _CONSTANTS[value]


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse)
