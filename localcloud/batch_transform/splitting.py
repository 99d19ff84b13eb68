r"""Splits an object into batches of lines, or takes it as a whole. Every byte stays as it is.

If there is no filter, lines are not read one by one: a batch ends at the last newline within the payload. Only `\n`
separates lines; a carriage return belongs to its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.batch_transform.errors import ObjectFailure, data_error
from localcloud.batch_transform.objects import ReadStream, fill

LONGEST_RECORD = 100 * 2**20
"""The most bytes of a line that is filtered. MaxPayloadInMB allows no larger request; without a limit, an object that has
no newline would be read into memory as a whole."""

_CHUNK = 2**20
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of an object.

    Args:
        data: their bytes as in the object; of a single record, the bytes that are sent.
        first: the number of the first record in the object, from 1. Of lines, it is the number of the line.
        count: how many records there are.
        noun: the log's word for a record, `line` or `record`; empty for an object that is not split.
    """

    data: bytes
    first: int
    count: int
    noun: str = "line"

    @property
    def where(self) -> str:
        """Which records these are, with the beginning of the first one, for the log."""
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
    """The first 200 bytes as one line of text for the log; characters that cannot be printed are escaped."""
    text = data[:_SHOWN].decode("utf-8", "backslashreplace")
    printable = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return printable + ("..." if len(data) > _SHOWN else "")


def whole(stream: ReadStream, limit: int | None) -> Iterator[Batch]:
    """The object as one batch.

    Args:
        stream: the object.
        limit: the most bytes of a body; None is unlimited.

    Raises:
        ObjectFailure: the object is larger than the limit.
    """
    if limit is None:
        yield Batch(b"".join(iter(lambda: stream.read(_CHUNK), b"")), 1, 1, "")
        return
    body = fill(stream, b"", limit + 1)
    if len(body) > limit:
        raise too_large(limit, Batch(body, 1, 1, ""))
    yield Batch(body, 1, 1, "")


def line_batches(stream: ReadStream, limit: int | None) -> Iterator[Batch]:
    """Batches of as many whole lines, newlines included, as the limit allows.

    Args:
        stream: the object.
        limit: the most bytes of a batch; None puts the whole object into one batch.

    Raises:
        ObjectFailure: a line with its newline is longer than the limit.
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
    """Batches of whole lines of about a mebibyte, for lines that are filtered before they are put into requests.

    Raises:
        ObjectFailure: a line is longer than `LONGEST_RECORD`.
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
    """A batch for each line, without its newline; a blank line is a record too.

    Args:
        stream: the object.
        limit: the most bytes of a line; None is unlimited.

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
    """The failure of a record, or of an object that is not split, that is larger than a request may be.

    Args:
        limit: the most bytes of a request.
        batch: the record or the object.
    """
    return data_error(f"Record is larger than MaxPayloadInMB: more than {limit} bytes", batch.where)


def _numbered(data: bytes, first: int) -> Batch:
    return Batch(data, first, data.count(b"\n") + (not data.endswith(b"\n")))
