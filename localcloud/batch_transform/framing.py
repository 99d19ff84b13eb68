"""RecordIO and TFRecord: binary records, each in a frame that begins with its length.

RecordIO is MXNet's (dmlc-core, `recordio.h`): a magic number, a word with the length in its lower 29 bits and the kind of
part in the upper 3, the content, zeros up to a multiple of 4 bytes. If the content has the magic number at a multiple of
4 bytes, it is split there into parts, which are written without that number. All words are little-endian.

TFRecord is TensorFlow's (`record_writer.h`): the length in 8 bytes, little-endian, its masked CRC-32C, the content, the
content's masked CRC-32C. The mask rotates the checksum right by 15 bits and adds 0xa282ead8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import google_crc32c

from localcloud.batch_transform.errors import data_error
from localcloud.batch_transform.job import Split
from localcloud.batch_transform.objects import ReadStream, fill
from localcloud.batch_transform.splitting import Batch, too_large

_CHUNK = 2**20
_MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", _MAGIC)
_RECORDIO_HEAD = struct.Struct("<II")
_TFRECORD_HEAD = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_WHOLE, _START, _MIDDLE, _END = range(4)
_LENGTH_BITS = 29
_MASK_DELTA = 0xA282EAD8
_SHOWN = 256


class _BrokenError(Exception):
    """A record cannot be read; the message says why, and continues the words "record N"."""


class _Frame(NamedTuple):
    """A record with its frame.

    Args:
        size: bytes of the record with its frame.
        content: the record without its frame.
    """

    size: int
    content: bytes


def records(stream: ReadStream, split: Split, limit: int | None) -> Iterator[Batch]:
    """A batch for each record, without its frame.

    Args:
        stream: the object.
        split: RecordIO or TFRecord.
        limit: the most bytes of a record; None is unlimited.

    Raises:
        ObjectFailure: a record is broken, cut off, or larger than the limit.
    """
    reader = _Reader(stream, split, limit, _CHUNK)
    while (frame := reader.next()) is not None:
        reader.forget()
        record = Batch(frame.content, reader.number, 1, "record")
        if limit is not None and len(frame.content) > limit:
            raise too_large(limit, record)
        yield record


def record_batches(stream: ReadStream, split: Split, limit: int | None) -> Iterator[Batch]:
    """Batches of as many whole records, frames included, as the limit allows.

    Args:
        stream: the object.
        split: RecordIO or TFRecord.
        limit: the most bytes of a batch; None gives batches of about a mebibyte.

    Raises:
        ObjectFailure: a record is broken or cut off, or with its frame is larger than the limit.
    """
    most = _CHUNK if limit is None else limit
    reader = _Reader(stream, split, limit, max(most, _CHUNK))
    while (frame := reader.next()) is not None:
        if limit is not None and frame.size > limit:
            raise too_large(limit, Batch(frame.content, reader.number, 1, "record"))
        if reader.kept > most and reader.count > 1:
            yield reader.take(but=frame.size)
    if reader.count:
        yield reader.take()


class _Reader:
    """Reads the frames of an object one after the other, and keeps those that go into the next batch.

    Args:
        stream: the object.
        split: RecordIO or TFRecord.
        limit: the most bytes of a record's content; None is unlimited.
        portion: bytes to read at a time.

    Attributes:
        number: the number of the last record that was read, from 1.
        kept: how many bytes of frames are kept.
        count: how many frames are kept.
    """

    def __init__(self, stream: ReadStream, split: Split, limit: int | None, portion: int) -> None:
        self._stream = stream
        self._split = split
        self._limit = limit
        self._portion = portion
        self._read = _recordio if split is Split.RECORD_IO else _tfrecord
        self._buffer = b""
        self._start = 0  # of what is kept, in the buffer
        self.number = self.kept = self.count = 0

    def next(self) -> _Frame | None:
        """Read the next record; None at the end of the object."""
        if not self._peek(0, 1):
            return None
        self.number += 1
        try:
            frame = self._read(self._peek, self._check_size)
        except _BrokenError as error:
            reason = f"Failed to read the object as {self._split}: record {self.number} {error}"
            raise data_error(reason, self._broken().where) from error
        self.kept += frame.size
        self.count += 1
        return frame

    def take(self, but: int = 0) -> Batch:
        """The frames that are kept as a batch; `but` bytes of the last one stay for the next batch."""
        end = self._start + self.kept - but
        first = self.number - self.count + 1
        count = self.count - bool(but)
        batch = Batch(self._buffer[self._start : end], first, count, "record")
        self._start, self.kept, self.count = end, but, self.count - count
        return batch

    def forget(self) -> None:
        """Keep no frame."""
        self._start += self.kept
        self.kept = self.count = 0

    def _peek(self, at: int, size: int) -> bytes:
        """Up to `size` bytes, from `at` bytes after the kept frames; fewer only at the end of the object."""
        begin = self._start + self.kept + at
        if len(self._buffer) < begin + size:
            wanted = self.kept + at + max(size, self._portion)
            self._buffer = fill(self._stream, self._buffer[self._start :], wanted)
            self._start, begin = 0, self.kept + at
        return self._buffer[begin : begin + size]

    def _check_size(self, size: int) -> None:
        """Refuse a record that is too large before its content is read, because a broken length may be huge."""
        if self._limit is not None and size > self._limit:
            raise too_large(self._limit, self._broken())

    def _broken(self) -> Batch:
        """The beginning of the record that cannot be read, for the log."""
        return Batch(self._peek(0, _SHOWN), self.number, 1, "record")


_Peek = Callable[[int, int], bytes]


def _recordio(peek: _Peek, check_size: Callable[[int], None]) -> _Frame:
    parts: list[bytes] = []
    at, expected = 0, (_WHOLE, _START)
    while True:
        magic, word = _RECORDIO_HEAD.unpack(_whole(peek(at, 8), 8))
        part, length = word >> _LENGTH_BITS, word & (1 << _LENGTH_BITS) - 1
        if magic != _MAGIC:
            raise _BrokenError(f"begins with {magic:#010x}, not with the magic number {_MAGIC:#010x}")
        if part not in expected:
            raise _BrokenError(f"has a part of kind {part} where one of {expected} must stand")
        check_size(sum(map(len, parts)) + length)
        padded = (length + 3) // 4 * 4
        parts.append(_whole(peek(at + 8, padded), padded)[:length])
        at, expected = at + 8 + padded, (_MIDDLE, _END)
        if part in {_WHOLE, _END}:
            return _Frame(at, _MAGIC_BYTES.join(parts))


def _tfrecord(peek: _Peek, check_size: Callable[[int], None]) -> _Frame:
    head = _whole(peek(0, 12), 12)
    length, checksum = _TFRECORD_HEAD.unpack(head)
    if checksum != _masked_crc(head[:8]):
        raise _BrokenError("has a length with a wrong checksum")
    check_size(length)
    content = _whole(peek(12, length), length)
    if _CRC.unpack(_whole(peek(12 + length, 4), 4))[0] != _masked_crc(content):
        raise _BrokenError("has a content with a wrong checksum")
    return _Frame(length + 16, content)


def _whole(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise _BrokenError(f"is cut off: {size} bytes must follow and {len(data)} do")
    return data


def _masked_crc(data: bytes) -> int:
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF
