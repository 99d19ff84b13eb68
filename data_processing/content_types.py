"""How CreateTransformJob and the job itself check a filter, which differs by content type.

The messages are those of public reports. The report on unexpected characters is of 2022 and may be out of date, and AWS's
documentation contradicts the report on ranges, so the program only warns of these two.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from data_processing.filters import LONGEST, Filter, FilterSyntaxError, parse

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
CONTENT_TYPES = (CSV, JSON, JSON_LINES)
"""What SageMaker can filter and join."""

UNSPLIT = frozenset({"RecordIO", "TFRecord"})
"""Values of SplitType whose records SageMaker can neither filter nor join."""

_BRACKETS = ("$", "[", "]", "*", " ", ",", ":", "-")
_WITH_NAMES = ("$", "[", "]", "*", ".", " ", ",", ":", "-", "'")
OPERATORS = {CSV: _BRACKETS, JSON: _WITH_NAMES, JSON_LINES: _WITH_NAMES}
"""The characters of a filter besides letters and digits. A CSV row has no names, so CSV has no operators for them."""


class Stage(enum.Enum):
    """When SageMaker refuses a filter."""

    SYNTAX = "it is not in the documented subset"
    REPORTED_REFUSAL = "CreateTransformJob is reported to refuse it"
    REPORTED_FAILURE = "the job is reported to fail with it"


@dataclass(frozen=True)
class Problem:
    """Why SageMaker refuses a filter.

    Args:
        stage: when SageMaker refuses it.
        message: SageMaker's message, as far as it is known.
    """

    stage: Stage
    message: str


def content_type(header: str | None) -> str | None:
    """Return the content type that a header names; None unless it is one of the three that can be filtered and joined."""
    name = (header or "").partition(";")[0].strip().lower()
    return name if name in CONTENT_TYPES else None


def problems(member: str, text: str, header: str | None) -> Iterator[Problem]:
    """Yield everything that is wrong with a filter.

    Args:
        member: `InputFilter` or `OutputFilter`.
        text: the filter.
        header: the ContentType of an input filter, the Accept of an output filter.
    """
    kind = content_type(header)
    if len(text) > LONGEST:
        yield Problem(Stage.SYNTAX, f"{member} has {len(text)} characters; the most is {LONGEST}")
        return
    try:
        read = parse(text)
    except FilterSyntaxError as error:
        yield Problem(Stage.SYNTAX, f'Invalid {member}: "{text}". {_sentence(error)}')
        return
    if kind is not None and (unexpected := _unexpected(text, kind)):
        stage = Stage.SYNTAX if kind == CSV and not read.selects_columns else Stage.REPORTED_REFUSAL
        yield Problem(stage, f'Invalid {member}: "{text}". {unexpected}')
    elif failure := job_failure(read, kind):
        yield Problem(Stage.REPORTED_FAILURE, failure)


def refusal(member: str, text: str, header: str | None) -> str | None:
    """Return CreateTransformJob's error for a filter; None if it accepts the filter."""
    found = (one.message for one in problems(member, text, header) if one.stage is not Stage.REPORTED_FAILURE)
    return next(found, None)


def job_failure(read: Filter, kind: str | None) -> str | None:
    """Return the error of a job with this filter; None if it can apply the filter to records of this kind."""
    if mixed := read.mixed_range:
        return (
            f"Invalid JsonPath: {read.text}: only single range filters of format (eg: [1:5]) are supported. "
            f"Format {mixed} is not supported"
        )
    if kind == CSV and not read.selects_columns:
        return f"Invalid JsonPath: {read.text}: a CSV row has no names and is not nested; select by index"
    return None


def _unexpected(text: str, kind: str) -> str | None:
    for character in text:
        letter = character.isalnum() and (kind != CSV or character.isdigit())
        if not letter and character not in OPERATORS[kind]:
            listed = ", ".join(f"'{operator}'" for operator in OPERATORS[kind])
            return f'Unexpected "{character}" in JsonPath. Supported operators for "{kind}" are [{listed}]'
    return None


def _sentence(error: FilterSyntaxError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}"
