r"""Cuts an object of lines, or one that is not cut, into batches of records, to the byte.

Where nothing is filtered no line is looked at: a batch ends at the last newline inside the payload window. The separator
is `\n` alone; a carriage return belongs to the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.batch_transform.errors import ObjectFailure, data_error
from localcloud.batch_transform.objects import ReadStream

LONGEST_RECORD = 100 * 2**20
"""Bytes of a line that is filtered before it is sent. MaxPayloadInMB allows no more, and what is longer ends nowhere."""

_CHUNK = 2**20
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of an object, one after the other.

    Args:
        data: their bytes as they stand in the object, or what is sent of the only one.
        first: the number of the first record in the object, from 1; for lines this is the number of the line.
        count: how many there are.
        noun: what a record is called, `line` or `record`; empty for an object that is not cut.
    """

    data: bytes
    first: int
    count: int
    noun: str = "line"

    @property
    def where(self) -> str:
        """Which records these are, with the beginning of the first, for a log."""
        if not self.noun:
            return f"The request was the whole object, which begins with: {shown(self.data)}"
        first = shown(self.data.split(b"\n", 1)[0] if self.noun == "line" else self.data)
        if self.count == 1:
            return f"{self.noun.capitalize()} {self.first} of the object: {first}"
        last = self.first + self.count - 1
        return (
            f"The request held the {self.noun}s {self.first} to {last} of the object; {self.noun} {self.first}: {first}"
        )


def shown(data: bytes) -> str:
    """The first 200 bytes as one line of text; what cannot be printed is escaped."""
    text = data[:_SHOWN].decode("utf-8", "backslashreplace")
    printable = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return printable + ("..." if len(data) > _SHOWN else "")


def whole(stream: ReadStream, limit: int | None) -> Iterator[Batch]:
    """The object as one body.

    Args:
        stream: the object.
        limit: the most bytes of a body; None is unlimited.

    Raises:
        ObjectFailure: it is larger than the limit.
    """
    if limit is None:
        yield Batch(b"".join(iter(lambda: stream.read(_CHUNK), b"")), 1, 1, "")
        return
    body = fill(stream, b"", limit + 1)
    if len(body) > limit:
        raise too_large(limit, Batch(body, 1, 1, ""))
    yield Batch(body, 1, 1, "")


def line_batches(stream: ReadStream, limit: int | None) -> Iterator[Batch]:
    """As many whole lines as fit into `limit` bytes, each with its own terminator.

    Raises:
        ObjectFailure: a line with its terminator is longer than the limit.
    """
    if limit is None:
        yield from (_numbered(batch.data, 1) for batch in whole(stream, None) if batch.data)
        return
    first = 1
    window = fill(stream, b"", limit + 1)
    while len(window) > limit:
        end = window.rfind(b"\n", 0, limit) + 1
        if end == 0:
            raise too_large(limit, Batch(window, first, 1))
        batch = _numbered(window[:end], first)
        yield batch
        first += batch.count
        window = fill(stream, window[end:], limit + 1)
    if window:
        yield _numbered(window, first)


def line_windows(stream: ReadStream) -> Iterator[Batch]:
    """Whole lines in portions of about a mebibyte, whatever the payload: what is sent of them is not known yet.

    Raises:
        ObjectFailure: a line is longer than any payload.
    """
    first, rest = 1, b""
    while chunk := stream.read(_CHUNK):
        end = chunk.rfind(b"\n") + 1
        if end == 0:
            rest += chunk
            if len(rest) > LONGEST_RECORD:
                raise too_large(LONGEST_RECORD, Batch(rest, first, 1))
            continue
        batch = _numbered(rest + chunk[:end], first)
        yield batch
        first += batch.count
        rest = chunk[end:]
    if rest:
        yield _numbered(rest, first)


def lines(stream: ReadStream, limit: int | None) -> Iterator[Batch]:
    """Every line without its terminator, one a batch; a blank line is a record too.

    Raises:
        ObjectFailure: a line is longer than the limit.
    """
    number = 0
    for batch in line_windows(stream):
        for line in batch.data.removesuffix(b"\n").split(b"\n"):
            number += 1
            one = Batch(line, number, 1)
            if limit is not None and len(line) > limit:
                raise too_large(limit, one)
            yield one


def too_large(limit: int, batch: Batch) -> ObjectFailure:
    """The failure of a record, or of an object that is not cut, that does not fit into a request."""
    return data_error(f"Record is larger than MaxPayloadInMB: more than {limit} bytes", batch.where)


def fill(stream: ReadStream, start: bytes, size: int) -> bytes:
    """`start` and what follows it in the stream, up to `size` bytes together."""
    parts = [start]
    missing = size - len(start)
    while missing > 0 and (chunk := stream.read(missing)):
        parts.append(chunk)
        missing -= len(chunk)
    return b"".join(parts)


def _numbered(data: bytes, first: int) -> Batch:
    return Batch(data, first, data.count(b"\n") + (not data.endswith(b"\n")))
