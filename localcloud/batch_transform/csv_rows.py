r"""CSV as SageMaker reads and writes it where it filters or joins: strict about quotes, and no field is ever converted.

Public reports show a parser that refuses a quote inside a field that is not quoted; what else is known of the agent says
that it is written in Go. So rows are read and written as Go's encoding/csv does it: blank lines are not rows, `\r\n` ends a
row as `\n` does, a byte-order mark and a NUL are text. A row never goes beyond its line, because SageMaker cuts objects at
newlines before it looks at quotes.

Most rows need no parsing: where no field is quoted nor must be, selecting columns is cutting at commas, and joining is
putting a comma between. Other rows are checked by our own grammar; Python's csv, which is faster and more lenient, then
reads and writes those of which both say the same.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

from data_processing.filters import Filter, Slice
from localcloud.batch_transform.errors import RecordError, each
from localcloud.batch_transform.splitting import shown

Row = list[str]
"""Fields, each byte as the character of that number: bytes that are not text pass unchanged."""

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
_SPECIAL = (b"\r", b"\t", b"\v", b"\f", b"\\.", b", ", b"\n ")


class Columns:
    """A filter on CSV rows.

    Args:
        path: selects by index only; see `data_processing.content_types.job_failure`.
    """

    def __init__(self, path: Filter) -> None:
        self._text = path.text
        self._selectors = path.steps[0].selectors if path.steps else ()
        self.all = not self._selectors

    def of(self, row: Row) -> Row:
        """The selected fields of a row.

        Raises:
            RecordError: the row has not so many columns.
        """
        if self.all:
            return row
        selected: Row = []
        for selector in self._selectors:
            if isinstance(selector, Slice):
                selected += row[selector.start : selector.end]
            elif isinstance(selector, int) and -len(row) <= selector < len(row):
                selected.append(row[selector])
            else:
                raise RecordError(f"Filter {self._text} is out of range: the row has {len(row)} columns")
        return selected

    def cut(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """The selected fields of rows in which no field is quoted.

        Raises:
            RecordError: a row has not so many columns.
        """
        match self._selectors:
            case () | (Slice(start=0 | None, end=None),):
                return lines
            case (Slice(start=1, end=None),):
                return [line.partition(b",")[2] for line in lines]
            case (0, -1):
                return [line.partition(b",")[0] + b"," + line.rpartition(b",")[2] for line in lines]
            case _:
                rows = [line.decode(_BYTES).split(",") for line in lines]
                return [",".join(row).encode(_BYTES) for row in each(self.of, rows)]

    def cut_joined(self, records: Sequence[bytes], answers: Sequence[bytes]) -> Sequence[bytes]:
        """The selected fields of records joined with their answers, where in neither a field is quoted.

        Raises:
            RecordError: a row has not so many columns.
        """
        pairs = zip(records, answers, strict=True)
        if self._selectors == (0, -1):  # the usual one, an id and its prediction, need not be joined before it is cut
            return [record.partition(b",")[0] + b"," + answer.rpartition(b",")[2] for record, answer in pairs]
        return self.cut([record + b"," + answer for record, answer in pairs])


def is_plain(data: bytes) -> bool:
    """Whether no field is quoted nor would be when it is written, and no row ends with a carriage return."""
    return b'"' not in data and _needs_no_quotes(data)


def read(lines: Sequence[bytes]) -> list[Row]:
    """The fields of rows.

    Args:
        lines: lines that are not blank, without their newlines.

    Raises:
        RecordError: a quote stands where none may; the message has the text from the beginning of its field.
    """
    text = b"\n".join(lines).replace(b"\r\n", b"\n").removesuffix(b"\r").decode(_BYTES)
    if lines and "\r" not in text and _ROWS.fullmatch(text):
        try:
            return list(csv.reader(text.split("\n"), strict=True))
        except csv.Error:  # a field that is longer than that module takes
            pass
    return each(_read, lines)


def write(rows: Sequence[Row]) -> list[bytes]:
    """Rows without their newlines; fields are quoted where they must be, or begin with a space."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    data = written.getvalue().encode(_BYTES)
    # Python quotes the empty field of a row that has no other.
    if rows and _needs_no_quotes(data) and b'\n""\n' not in data and not data.startswith(b'""\n'):
        return data.removesuffix(b"\n").split(b"\n")
    return [",".join(map(_written, row)).encode(_BYTES) for row in rows]


def json_document(answer: bytes) -> str | None:
    """The beginning of an answer that is a JSON document of several lines, whose lines might pass for rows."""
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
    """Whether no field outside quotes must be in quotes for what Go's writer knows beside commas and quotes."""
    if any(special in data for special in _SPECIAL) or data.startswith(b" "):
        return False
    return data.isascii() or _WIDE_SPACE_FIRST.search(data) is None


def _read(line: bytes) -> Row:
    text = line.removesuffix(b"\r").decode(_BYTES)
    if _ROWS.fullmatch(text) is None:
        raise _misplaced_quote(text)
    return [quoted[1:-1].replace('""', '"') if quoted else bare for quoted, bare in _FIELD.findall(text)]


def _written(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _MUST_BE_QUOTED.search(field) else field


def _misplaced_quote(line: str) -> RecordError:
    """Says which field is wrong, in the words of public reports as far as they are known."""
    start = 0
    while True:
        quoted = line.startswith('"', start)
        field = _FIELD_AT[quoted].match(line, start)
        if field is None:
            return RecordError(f"quoted field is not closed on its line, found near: {_near(line[start:])}")
        if line[field.end() : field.end() + 1] != ",":
            break
        start = field.end() + 1
    near = _near(line[start:].partition(",")[0] if not quoted else line[start : field.end()] + _rest(line, field.end()))
    what = 'extraneous " in quoted field' if quoted else 'bare " in non quoted field'
    return RecordError(f"{what} found near: {near}")


def _rest(line: str, at: int) -> str:
    return line[at:].partition(",")[0]


def _near(text: str) -> str:
    return shown(text.encode(_BYTES))
