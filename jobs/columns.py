"""Checks, before anything is created, whether the columns of a CSV input fit the model that reads them.

SageMaker's XGBoost image splits each line at the delimiter that it guesses from the first one, and accepts numbers and
empty fields only. If a line has too few columns, it completes with wrong scores; if it has too many, it fails with a C++
stack trace. An input that such a model certainly cannot read is an error. Little is known about other containers, so that an
input which looks odd to them is a warning.

These are pure functions over the first bytes of an input. A line that can be read in two ways is accepted if either fits.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_processing.filters import ColumnRangeError, Filter, FilterSyntaxError, parse

SAMPLE = 256 * 1024  # bytes of an input that are checked
_RECORDS = 2000  # lines of these at most
_SNIFFED = 512  # characters from which the image guesses the delimiter
_SHOWN = 60  # characters of a line in a message
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_BYTE_ORDER_MARK = "\ufeff"
_ADVICE = (
    "The usual cause is an id or the label left in, or a filter that takes one column too many or too few: "
    'correct the input, or choose columns, such as all but the first with input_filter="$[1:]"'
)


@dataclass(frozen=True)
class Sample:
    """The beginning of an input object.

    Attributes:
        name: what messages call it.
        head: its first bytes, uncompressed.
        is_whole: whether the head is the whole object.
    """

    name: str
    head: bytes
    is_whole: bool


@dataclass(frozen=True)
class Reader:
    """What is known about the container that reads the input.

    Attributes:
        features: the number of columns that its model expects; None if that is not known.
        numbers_only: whether it is SageMaker's XGBoost, so that text is certain to fail.
    """

    features: int | None = None
    numbers_only: bool = False


@dataclass(frozen=True)
class Finding:
    """Something about an input that does not fit.

    Attributes:
        text: what, where, and what to do.
        is_certain: whether the job is certain to fail, or to complete with wrong scores.
    """

    text: str
    is_certain: bool


def findings(sample: Sample, input_filter: str | None, reader: Reader) -> Iterator[Finding]:
    """Say what in a CSV input does not fit the model.

    Args:
        sample: the beginning of the input.
        input_filter: SageMaker's JSONPath over a record; None for all of it.
        reader: what reads it.
    """
    text, problem = _decoded(sample)
    if problem:
        yield Finding(f"{sample.name} {problem}", is_certain=reader.numbers_only)
    path = _columns_filter(input_filter)
    if text is None or path is None:
        return
    marked = text.startswith(_BYTE_ORDER_MARK)
    lines = _lines(text.removeprefix(_BYTE_ORDER_MARK), sample)
    if not lines:
        return
    records: list[_Record] = []
    for line in lines:
        try:
            records.append(_sent(line, path))
        except ColumnRangeError as error:
            where = f"{sample.name}, line {len(records) + 1} ({_shown(line)})"
            advice = "SageMaker fails the job then, so select columns that each line has"
            yield Finding(f"{where}: {error}. {advice}", is_certain=True)
            return
    if marked and _sends_first_column(lines[0], path):
        advice = "it is read as part of the first value; save the file as UTF-8 without it"
        yield Finding(f"{sample.name} starts with a byte-order mark: {advice}", is_certain=reader.numbers_only)
    if reader.numbers_only and _guessed(records) not in _DELIMITERS:
        # The guess is odd, as it is for a single number, and so is the way in which the image reads the line.
        reader = Reader(reader.features)
    finding = (
        _header(sample, lines, records, reader)
        or _text(sample, lines, records, input_filter, reader)
        or _width(sample, lines, records, input_filter, reader)
    )
    if finding:
        yield finding


def width(line: str) -> int:
    """Return how many columns a line has, read as SageMaker's filters do: by commas."""
    return len(_fields(line))


def _decoded(sample: Sample) -> tuple[str | None, str]:
    """Return the decoded text, and what is wrong with its bytes."""
    if sample.head.startswith(b"\x1f\x8b"):
        return None, 'is compressed with gzip: set compression_type="Gzip"'
    if sample.head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, "is encoded in UTF-16, as its byte-order mark says: save it as UTF-8 without one"
    whole = sample.head if sample.is_whole else sample.head[: sample.head.rfind(b"\n") + 1]
    try:
        return whole.decode(), ""
    except UnicodeDecodeError as error:
        line = whole.count(b"\n", 0, error.start) + 1
        return None, f"is not UTF-8: line {line} has the byte {whole[error.start]:#x}; save it as UTF-8"


def _lines(text: str, sample: Sample) -> list[str]:
    """Return the records as lines, without blank ones at the end, which containers that read numbers ignore."""
    lines = text.split("\n") if sample.is_whole else text.split("\n")[:-1]
    lines = [line.removesuffix("\r") for line in lines[:_RECORDS]]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


@dataclass(frozen=True)
class _Record:
    """A line as the container gets it; several if the meaning of the filter is ambiguous."""

    readings: tuple[str, ...]

    @property
    def text(self) -> str:
        """The shortest reading, which the container gets in any case."""
        return min(self.readings, key=len)


def _columns_filter(text: str | None) -> Filter | None:
    """Read a filter; None if it cannot be applied to CSV, which another check reports."""
    try:
        path = parse(text or "$")
    except FilterSyntaxError:
        return None
    return path if path.selects_columns else None


def _sent(line: str, path: Filter) -> _Record:
    """Return what the container gets of a line.

    Raises:
        ColumnRangeError: the line does not have a column that the filter selects.
    """
    if path.identity or not (fields := _fields(line)):
        return _Record((line,))
    # AWS's documentation says in one place that the end of a range belongs to it, and in another that it does not.
    readings = [path.columns(len(fields), end_included=included) for included in (False, True)]
    texts = [_written([fields[position] for position in columns]) for columns in readings]
    return _Record(tuple(dict.fromkeys(texts)))


def _sends_first_column(line: str, path: Filter) -> bool:
    return 0 in path.columns(width(line))


def _fields(line: str) -> list[str]:
    """Read a line by RFC 4180, as SageMaker does with a record that it filters."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return line.split(",")


def _written(fields: Sequence[str]) -> str:
    if fields in ([], [""]):
        return ""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _guessed(records: Sequence[_Record]) -> str:
    """Return what the image takes for the delimiter: the guess of Python's sniffer, or a comma if that is a letter.

    It removes blanks, tabs and blank lines from both ends of a request, and reads the first line.
    """
    filled = [record.text for record in records if record.text.strip()]
    first = filled[0].lstrip() if filled else ""
    try:
        found = csv.Sniffer().sniff((first if len(filled) > 1 else first.rstrip())[:_SNIFFED]).delimiter
    except csv.Error:
        return ","
    return "," if found.isalnum() else found


def _delimiter(records: Sequence[_Record], reader: Reader) -> str:
    return _guessed(records) if reader.numbers_only else ","


def _header(sample: Sample, lines: Sequence[str], records: Sequence[_Record], reader: Reader) -> Finding | None:
    """Report a first line that has no number, if the next line has some."""
    delimiter = _delimiter(records, reader)
    if len(records) < 2 or not records[1].text.strip():
        return None
    first, second = (records[n].text.split(delimiter) for n in (0, 1))
    if any(map(_is_number, first)) or not any(map(_is_number, second)) or not any(field.strip() for field in first):
        return None
    advice = "SageMaker sends every line to the model, so remove the header; its names may be given as `columns`"
    return Finding(
        f"the first line of {sample.name} looks like a header ({_shown(lines[0])}): {advice}",
        is_certain=reader.numbers_only,
    )


def _text(
    sample: Sample, lines: Sequence[str], records: Sequence[_Record], input_filter: str | None, reader: Reader
) -> Finding | None:
    """Report the first field that is not a number."""
    if not reader.numbers_only:
        return None
    delimiter = _delimiter(records, reader)
    for number, (line, record) in enumerate(zip(lines, records, strict=True), start=1):
        fields = record.text.split(delimiter)
        if _are_numbers(fields):
            continue
        for column, field in enumerate(fields, start=1):
            if field.strip() and not _is_number(field):
                where = f"{sample.name}, line {number}: column {column}{_after(input_filter)} is {_shown(field)!r}"
                return Finding(
                    f"{where}, and the model accepts numbers only. {_text_advice(field, line, delimiter)}",
                    is_certain=True,
                )
    return None


def _text_advice(field: str, line: str, delimiter: str) -> str:
    if _is_number(field.strip().strip("\"'")):
        return "The XGBoost container does not remove quotes: write numbers without them"
    other = max(_DELIMITERS, key=line.count)
    if other != delimiter and any(map(_is_number, field.split(other))):
        return f"The line seems to be separated by {_DELIMITERS[other]}: separate the columns with commas"
    if field.strip().lower() in {"na", "n/a", "null", "none", "?"}:
        return "Leave the field of a missing value empty"
    return f"The line is {_shown(line)}. {_ADVICE}"


def _width(
    sample: Sample, lines: Sequence[str], records: Sequence[_Record], input_filter: str | None, reader: Reader
) -> Finding | None:
    """Report a number of columns that differs from the model's, on every line or on one."""
    if reader.features is None:
        return None
    delimiter = _delimiter(records, reader)
    counts = [_counts(record, delimiter) for record in records]
    wrong = [number for number, found in enumerate(counts) if reader.features not in found and lines[number].strip()]
    if not wrong:
        return None
    first, found = wrong[0], " or ".join(map(str, sorted(counts[wrong[0]])))
    where = (
        sample.name if len(wrong) == sum(bool(line.strip()) for line in lines) else f"{sample.name}, line {first + 1}"
    )
    columns = "1 column" if found == "1" else f"{found} columns"
    rows = " and ".join(_shown(line) for line in lines[first : first + 2])
    text = f"{where} has {columns}{_after(input_filter)}, and the model expects {reader.features}"
    return Finding(f"{text}. The rows are {rows}. {_width_advice(lines[first], input_filter)}", reader.numbers_only)


def _counts(record: _Record, delimiter: str) -> set[int]:
    """Return the possible numbers of columns of a record.

    The image strips blanks and tabs from both ends of a request: in front of its first line, behind its last one.
    """
    texts = {text for one in record.readings for text in (one, one.lstrip(), one.rstrip(), one.strip())}
    return {text.count(delimiter) + 1 if text else 0 for text in texts}


def _width_advice(line: str, input_filter: str | None) -> str:
    other = max(_DELIMITERS, key=line.count)
    if input_filter and other != "," and line.count(other) > line.count(","):
        return f"SageMaker's filters split at commas, and the line has {_DELIMITERS[other]}: separate the columns with commas"
    return _ADVICE


def _after(input_filter: str | None) -> str:
    return f" after the filter {input_filter}" if input_filter else ""


def _shown(line: str) -> str:
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _are_numbers(fields: Sequence[str]) -> bool:
    """Say whether the image's `float` accepts all fields; this is many times as fast as to try each of them."""
    try:
        return bool([float(field) for field in fields])
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    return _are_numbers([text])
