"""Where input objects come from and outputs go to, as streams: memory is bounded by the batch, not by the object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, order=True)
class ObjectInfo:
    """An object of a bucket."""

    bucket: str
    key: str
    size: int


class ReadStream(Protocol):
    """An object's bytes, front to back."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; fewer only at the end, none after it."""
        ...

    def close(self) -> None: ...


class WriteStream(Protocol):
    """An object in the making: it is there as a whole after `commit`, and never in part."""

    def write(self, data: bytes, /) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...


class ObjectSource(Protocol):
    """Reads objects; every method raises `StorageError` where the store refuses."""

    def list(self, bucket: str, prefix: str) -> Iterable[ObjectInfo]: ...

    def open(self, bucket: str, key: str) -> ReadStream: ...


class ObjectSink(Protocol):
    """Writes objects; raises `StorageError` where the store refuses."""

    def create(self, bucket: str, key: str) -> WriteStream: ...


class InputStream:
    """An input object that can be read again from its start, for another attempt at a streamed request.

    Args:
        open_anew: opens the object at its first byte.
    """

    def __init__(self, open_anew: Callable[[], ReadStream]) -> None:
        self._open = open_anew
        self._stream = open_anew()
        self._untouched = True
        self._ahead = b""

    def read(self, size: int, /) -> bytes:
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        self._untouched = False
        return self._stream.read(size)

    def peek(self, size: int) -> bytes:
        """The next bytes, which will be read again; up to `size` of them."""
        if not self._ahead:
            self._ahead = self._stream.read(size)
        return self._ahead

    def rewind(self) -> None:
        if not self._untouched:
            self._stream.close()
            self._stream = self._open()
            self._ahead = b""
            self._untouched = True

    def close(self) -> None:
        self._stream.close()
