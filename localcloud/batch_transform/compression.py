"""Gzip objects are decompressed as they are read."""

from __future__ import annotations

import gzip
import io
import zlib

from localcloud.batch_transform.errors import data_error
from localcloud.batch_transform.streams import ReadStream


class GunzippedStream:
    """The decompressed bytes of a gzip stream of one or more members."""

    def __init__(self, compressed: ReadStream) -> None:
        self._compressed = compressed
        self._plain = gzip.GzipFile(fileobj=io.BufferedReader(_Raw(compressed), 2**18))

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes.

        Raises:
            ObjectFailure: the object is not gzip, or is truncated.
        """
        try:
            return self._plain.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise data_error(f"Failed to decompress the object as Gzip: {error}") from error

    def close(self) -> None:
        self._plain.close()
        self._compressed.close()


class _Raw(io.RawIOBase):
    def __init__(self, stream: ReadStream) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] the stub's Buffer type is private before Python 3.12
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
