r"""CSV as SageMaker reads and writes it when it filters or joins: quotes are checked strictly, and no field is converted.

Public reports show a parser that refuses a quote inside a field that is not quoted, and the agent is known to be written
in Go. So rows are read and written as Go's encoding/csv does it: blank lines are not rows, `\r\n` ends a row like `\n`, and a
byte-order mark or a NUL is text. A row ends with its line, because SageMaker splits objects at newlines before it looks
at quotes.

Most rows are not read field by field. Once the commas inside quotes are masked, each comma separates two fields: columns
are selected by cutting at commas, and rows are joined by a comma. Other rows are checked by a grammar of our own. Python's
csv is faster and more lenient; it then reads and writes the rows for which its result is the same as Go's.
"""

from __future__ import annotations

import csv
import io
import json
import operator
import re
from collections.abc import Sequence

from data_processing.filters import ColumnRangeError, Filter, Slice
from localcloud.batch_transform.errors import RecordError, each
from localcloud.batch_transform.splitting import shown

Row = list[str]
"""The fields of a row, decoded as Latin-1, so that bytes that are not valid text are preserved."""

_BYTES = "latin-1"
_QUOTED = r'"[^"\n]*+(?:""[^"\n]*+)*+"'
_BARE = r'[^",\n]*+'
_FIELDS = rf"(?:{_QUOTED}|{_BARE})(?:,(?:{_QUOTED}|{_BARE}))*+"
_ROWS = re.compile(rf"{_FIELDS}(?:\n{_FIELDS})*+")
_FIELD = re.compile(rf"(?:\A|,)(?:({_QUOTED})|({_BARE}))")
_FIELD_AT = {True: re.compile(_QUOTED), False: re.compile(_BARE)}
# The spaces beyond ASCII, in UTF-8; Go quotes a field that begins with a space.
_SPACE = "[\t\v\f ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
_MUST_BE_QUOTED = re.compile(rf'[",\r\n]|\A(?:{_SPACE})|\A\\\.\Z')
_WIDE_SPACE_FIRST = re.compile(rf"(?:\A|[,\n])(?:{_SPACE})".encode(_BYTES))
_MASK = b"\0"
_MANY = 4 * 1024
"""From this many bytes on, it pays to mask rows with quotes all at once."""
_SPACES = (b"\r", b"\t", b"\v", b"\f")


class Rows:
    """CSV rows that are to be filtered or joined.

    Args:
        data: the rows, each with its newline; blank lines are not rows.
        lines: the rows without newlines and blank lines.

    Attributes:
        text: the rows as they are written, with a NUL in place of each comma inside quotes; None if they must be read
            field by field.
        masked: whether there are such NULs.

    Raises:
        RecordError: a quote is in the wrong place; the message has the text from the beginning of its field.
    """

    def __init__(self, data: bytes, lines: Sequence[bytes]) -> None:
        self._lines = lines
        self.masked = False
        self.text = lines if _is_plain(data) else self._separated()
        self._fields = None if self.text is not None else read(lines)

    @property
    def fields(self) -> list[Row]:
        """The rows, read field by field."""
        if self._fields is None:
            self._fields = read(self._lines)
        return self._fields

    def _separated(self) -> Sequence[bytes] | None:
        text = b"\n".join(self._lines)
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        if _MASK in text or not text:
            return None
        if b'"' in text:
            masked = _masked(text) if len(text) >= _MANY else None
            if masked is None:
                return None
            text, self.masked = masked, _MASK in masked
        return text.split(b"\n") if _needs_no_quotes(text) else None


class Columns:
    """A filter on CSV rows.

    Args:
        path: selects by index only; see `data_processing.content_types.job_failure`.
    """

    def __init__(self, path: Filter) -> None:
        self._filter = path
        self._positions: dict[int, list[int]] = {}  # by a row's number of columns
        self._selectors = path.steps[0].selectors if path.steps else ()

    def select(self, rows: Rows) -> Sequence[bytes]:
        """Select the columns of rows.

        Returns:
            The selected columns as rows, without newlines.

        Raises:
            RecordError: a row does not have a column of the filter.
        """
        return self._write(rows.fields) if rows.text is None else _unmasked(self._cut(rows.text), masked=rows.masked)

    def select_joined(self, records: Rows, answers: Rows) -> Sequence[bytes]:
        """Join records with their answers, and select columns.

        Args:
            records: the records of a request.
            answers: the answers, one for each record.

        Returns:
            The selected columns as rows, without newlines.

        Raises:
            RecordError: a joined row does not have a column of the filter.
        """
        if records.text is None or answers.text is None:
            return self._write(list(map(operator.add, records.fields, answers.fields)))
        masked = records.masked or answers.masked
        pairs = zip(records.text, answers.text, strict=True)
        if self._selectors == (0, -1):  # an id and its prediction, the usual filter, are cut before they are joined
            cut = [record.partition(b",")[0] + b"," + answer.rpartition(b",")[2] for record, answer in pairs]
        else:
            cut = self._cut([record + b"," + answer for record, answer in pairs])
        return _unmasked(cut, masked=masked)

    def _cut(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        match self._selectors:
            case () | (Slice(start=0 | None, end=None),):
                return lines
            case (Slice(start=1, end=None),):
                return [line.partition(b",")[2] for line in lines]
            case (0, -1):
                return [line.partition(b",")[0] + b"," + line.rpartition(b",")[2] for line in lines]
            case _:
                rows = [line.decode(_BYTES).split(",") for line in lines]
                return [",".join(row).encode(_BYTES) for row in each(self._select_row, rows)]

    def _write(self, rows: Sequence[Row]) -> list[bytes]:
        return write(each(self._select_row, rows) if self._selectors else rows)

    def _select_row(self, row: Row) -> Row:
        count = len(row)
        if count not in self._positions:
            try:
                self._positions[count] = self._filter.columns(count)
            except ColumnRangeError as error:
                raise RecordError(str(error)) from error
        return [row[position] for position in self._positions[count]]


def read(lines: Sequence[bytes]) -> list[Row]:
    """Read rows field by field.

    Args:
        lines: lines that are not blank, without their newlines.

    Raises:
        RecordError: a quote is in the wrong place; the message has the text from the beginning of its field.
    """
    text = b"\n".join(lines).replace(b"\r\n", b"\n").removesuffix(b"\r").decode(_BYTES)
    if lines and "\r" not in text and _ROWS.fullmatch(text):
        try:
            return list(csv.reader(text.split("\n"), strict=True))
        except csv.Error:  # a field that is longer than that module accepts
            pass
    return each(_read, lines)


def write(rows: Sequence[Row]) -> list[bytes]:
    """Write rows, without newlines. Fields have quotes only if they need them, or begin with a space."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    data = written.getvalue().encode(_BYTES)
    # Python quotes the empty field of a row that has no other.
    if rows and _needs_no_quotes(data) and b'\n""\n' not in data and not data.startswith(b'""\n'):
        return data.removesuffix(b"\n").split(b"\n")
    return [",".join(map(_written, row)).encode(_BYTES) for row in rows]


def json_document(answer: bytes) -> str | None:
    """The beginning of an answer for the log if it is a JSON document of several lines, which could be read as CSV."""
    text = answer.lstrip()
    if not text.startswith((b"[", b"{")):
        return None
    try:
        document = text.decode()
        end = json.JSONDecoder().raw_decode(document)[1]
    except (ValueError, RecursionError):
        return None
    return shown(text) if "\n" in document[:end] else None


def _needs_no_quotes(data: bytes) -> bool:
    """Whether no field needs quotes in Go's output, leaving aside fields that contain a comma or a quote."""
    # A search for one byte is so much faster than one for two bytes that it comes first.
    if any(space in data for space in _SPACES) or (b"\\" in data and b"\\." in data):
        return False
    if b" " in data and (b", " in data or b"\n " in data or data.startswith(b" ")):
        return False
    return data.isascii() or _WIDE_SPACE_FIRST.search(data) is None


def _is_plain(data: bytes) -> bool:
    """Whether no field has quotes or will need them in the output, and no row ends with a carriage return."""
    return b'"' not in data and _MASK not in data and _needs_no_quotes(data)


def _masked(text: bytes) -> bytes | None:
    from localcloud.batch_transform import csv_quotes  # noqa: PLC0415  it imports numpy, which few jobs need

    return csv_quotes.masked(text, _MASK)


def _unmasked(rows: Sequence[bytes], *, masked: bool) -> Sequence[bytes]:
    return b"\n".join(rows).replace(_MASK, b",").split(b"\n") if masked and rows else rows


def _read(line: bytes) -> Row:
    text = line.removesuffix(b"\r").decode(_BYTES)
    if _ROWS.fullmatch(text) is None:
        raise _misplaced_quote(text)
    return [quoted[1:-1].replace('""', '"') if quoted else bare for quoted, bare in _FIELD.findall(text)]


def _written(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _MUST_BE_QUOTED.search(field) else field


def _misplaced_quote(line: str) -> RecordError:
    """The error that quotes the wrong field, in the words of public reports where those are known."""
    start = 0
    while True:
        quoted = line.startswith('"', start)
        field = _FIELD_AT[quoted].match(line, start)
        if field is None:
            return RecordError(f"quoted field is not closed on its line, found near: {_near(line[start:])}")
        if line[field.end() : field.end() + 1] != ",":
            break
        start = field.end() + 1
    rest = line[field.end() :].partition(",")[0]
    fault = 'extraneous " in quoted field' if quoted else 'bare " in non quoted field'
    return RecordError(f"{fault} found near: {_near(field[0] + rest)}")


def _near(text: str) -> str:
    return shown(text.encode(_BYTES))
