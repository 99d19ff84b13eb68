r"""Cuts an object's bytes into the bodies of requests, to the byte.

On the fast path no record is looked at: a batch ends at the last newline inside the payload window. The separator is
`\n` alone; a carriage return belongs to the record.
"""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.batch_transform.errors import ObjectFailure, client_error
from localcloud.batch_transform.streams import ReadStream
from localcloud.batch_transform.unverified import Choices

_CHUNK = 2**20


def whole(stream: ReadStream, limit: int | None, choices: Choices) -> Iterator[bytes]:
    """The object as one body.

    Raises:
        ObjectFailure: it is larger than the limit.
    """
    if limit is None:
        yield b"".join(iter(lambda: stream.read(_CHUNK), b""))
        return
    body = _fill(stream, b"", limit + 1)
    if len(body) > limit:
        raise too_large(limit, choices)
    yield body


def line_batches(stream: ReadStream, limit: int | None, choices: Choices) -> Iterator[bytes]:
    """As many whole lines as fit into `limit` bytes, each with its own terminator.

    Raises:
        ObjectFailure: a line with its terminator is longer than the limit.
    """
    if limit is None:
        yield from (bounded(_ended(body, choices), choices) for body in whole(stream, None, choices) if body)
        return
    reach = limit + (not choices.terminator_counts_as_payload)
    window = _fill(stream, b"", reach + 1)
    while len(window) > reach or (len(window) > limit and not window.endswith(b"\n")):
        end = window.rfind(b"\n", 0, reach) + 1
        if end == 0:
            raise too_large(limit, choices)
        yield bounded(window[:end], choices)
        window = _fill(stream, window[end:], reach + 1)
    if window:
        yield bounded(_ended(window, choices), choices)


def lines(stream: ReadStream, limit: int | None, choices: Choices) -> Iterator[bytes]:
    """Every line with its terminator, the last one perhaps without.

    Raises:
        ObjectFailure: a line, its terminator not counted, is longer than the limit.
    """
    parts: list[bytes] = []
    pending = 0
    while chunk := stream.read(_CHUNK):
        *complete, rest = chunk.split(b"\n")
        for line in complete:
            whole_line = b"".join([*parts, line]) if parts else line
            parts, pending = [], 0
            _check(len(whole_line), limit, choices)
            if whole_line.strip(b"\r") or choices.blank_lines_sent:
                yield whole_line + b"\n"
        if rest:
            parts.append(rest)
            pending += len(rest)
            _check(pending, limit, choices)
    if parts:
        yield b"".join(parts)


def bounded(body: bytes, choices: Choices) -> bytes:
    """A MultiRecord body as it is sent."""
    return body if choices.multi_record_keeps_last_terminator else body.removesuffix(b"\n")


def too_large(limit: int, choices: Choices) -> ObjectFailure:
    """The failure of a record, or of an unsplit object, that does not fit into a request."""
    return client_error(f"{choices.oversize_record_text}: more than {limit} bytes")


def _ended(body: bytes, choices: Choices) -> bytes:
    return body if choices.unterminated_line_stays or body.endswith(b"\n") else body + b"\n"


def _check(size: int, limit: int | None, choices: Choices) -> None:
    if limit is not None and size > limit:
        raise too_large(limit, choices)


def _fill(stream: ReadStream, start: bytes, size: int) -> bytes:
    """`start` and what follows it in the stream, up to `size` bytes together."""
    parts = [start]
    missing = size - len(start)
    while missing > 0 and (chunk := stream.read(missing)):
        parts.append(chunk)
        missing -= len(chunk)
    return b"".join(parts)
