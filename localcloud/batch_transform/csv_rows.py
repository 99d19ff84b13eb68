r"""CSV as SageMaker reads and writes it where it filters or joins: strict about quotes, and no field is ever converted.

Public reports show a parser that refuses a quote inside a field that is not quoted; what else is known of the agent says
that it is written in Go. So rows are read and written as Go's encoding/csv does it: blank lines are no rows, `\r\n` ends a
row as `\n` does, a byte-order mark and a NUL are text. A row never goes beyond its line, because SageMaker cuts objects at
newlines before it looks at quotes.

Most rows need no parsing: where no field is quoted nor must be, selecting columns is cutting at commas, and joining is
putting a comma between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from data_processing.filters import Filter, Slice
from localcloud.batch_transform.errors import RecordError
from localcloud.batch_transform.splitting import shown

Row = list[bytes]
_Cut = Callable[[bytes], bytes]

_QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"'
_BARE = rb'[^",]*+'
_ROW = re.compile(rb"(?:%b|%b)(?:,(?:%b|%b))*+" % (_QUOTED, _BARE, _QUOTED, _BARE))
_FIELD = re.compile(rb"(?:\A|,)(?:(%b)|(%b))" % (_QUOTED, _BARE))
_MUST_BE_QUOTED = re.compile(rb'[",\r\n]|\A[\t\v\f ]|\A\\\.\Z')
# The spaces beyond ASCII; Go quotes a field that begins with one.
_WIDE_SPACE = rb"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"  # fmt: skip
_BEGINS_WITH_WIDE_SPACE = re.compile(rb"\A(?:%b)" % _WIDE_SPACE)
_FIELD_BEGINS_WITH_WIDE_SPACE = re.compile(rb"(?:\A|[,\n])(?:%b)" % _WIDE_SPACE)
_SPECIAL = (b'"', b"\r", b"\t", b"\v", b"\f", b"\\.", b", ", b"\n ")


class Columns:
    """A filter on CSV rows.

    Args:
        path: selects by index only; see `data_processing.content_types.job_failure`.
    """

    def __init__(self, path: Filter) -> None:
        self._text = path.text
        self._selectors = path.steps[0].selectors if path.steps else ()
        self.all = not self._selectors
        self.cut = self._text_cut()

    def of(self, row: Row) -> Row:
        """The selected fields of a row.

        Raises:
            RecordError: the row has not so many columns.
        """
        if self.all:
            return row
        selected: list[bytes] = []
        for selector in self._selectors:
            if isinstance(selector, Slice):
                selected += row[selector.start : selector.end]
            elif isinstance(selector, int):
                selected.append(self._field(row, selector))
        return selected

    def _field(self, row: Row, index: int) -> bytes:
        try:
            return row[index]
        except IndexError:
            raise self._out_of_range(len(row)) from None

    def _out_of_range(self, columns: int) -> RecordError:
        return RecordError(f"Filter {self._text} is out of range: the row has {columns} columns")

    def _text_cut(self) -> _Cut:
        """Selects columns of a row in which no field is quoted, and cuts no more than it must."""
        match self._selectors:
            case ():
                return lambda line: line
            case (Slice(start=0 | None, end=None),):
                return lambda line: line
            case (Slice(start=int(start), end=None),) if start > 0:
                return lambda line: (line.split(b",", start)[start:] or [b""])[0]
            case (int(first), int(last)) if first >= 0 > last:
                return lambda line: self._two(line, first, last)
            case _:
                return lambda line: b",".join(self.of(line.split(b",")))

    def _two(self, line: bytes, first: int, last: int) -> bytes:
        head, tail = line.split(b",", first + 1), line.rsplit(b",", -last)
        if len(head) <= first or len(tail) < -last:
            raise self._out_of_range(line.count(b",") + 1)
        return head[first] + b"," + tail[last]


def is_plain(data: bytes) -> bool:
    """Whether no field is quoted nor would be when it is written, and no row ends with a carriage return."""
    if any(special in data for special in _SPECIAL) or data.startswith(b" "):
        return False
    return data.isascii() or _FIELD_BEGINS_WITH_WIDE_SPACE.search(data) is None


def read(line: bytes) -> Row:
    """The fields of a row.

    Args:
        line: a line that is not blank, without its newline.

    Raises:
        RecordError: a quote stands where none may; the message has the text from the beginning of its field.
    """
    line = line.removesuffix(b"\r")
    if b'"' not in line:
        return line.split(b",")
    row = _ROW.match(line)
    if row is None or row.end() != len(line):
        raise _misplaced_quote(line)
    return [quoted[1:-1].replace(b'""', b'"') if quoted else bare for quoted, bare in _FIELD.findall(line)]


def write(row: Row) -> bytes:
    """A row without its newline; fields are quoted where they must be, or begin with a space."""
    return b",".join(map(_written, row))


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


def _misplaced_quote(line: bytes) -> RecordError:
    """Says which field is wrong, in the words of public reports as far as they are known."""
    start = 0
    while True:
        field = re.compile(_QUOTED if line.startswith(b'"', start) else _BARE).match(line, start)
        if field is None:
            return RecordError(f"quoted field is not closed on its line, found near: {shown(line[start:])}")
        if line[field.end() : field.end() + 1] != b",":
            break
        start = field.end() + 1
    text = shown(line[start : (line.find(b",", field.end()) + 1 or len(line) + 1) - 1])
    if line.startswith(b'"', start):
        return RecordError(f'extraneous " in quoted field found near: {text}')
    return RecordError(f'bare " in non quoted field found near: {text}')


def _written(field: bytes) -> bytes:
    if _MUST_BE_QUOTED.search(field) or (not field.isascii() and _BEGINS_WITH_WIDE_SPACE.match(field)):
        return b'"' + field.replace(b'"', b'""') + b'"'
    return field
