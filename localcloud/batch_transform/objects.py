"""Input and output objects: those that a job reads, the key of each one's output, and their bytes as streams.

Objects are read and written in portions, so that memory is bounded by the batch and not by the object.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.batch_transform.errors import client_error, data_error
from localcloud.batch_transform.job import Transform

_S3_URI = re.compile(r"(?:https|s3)://([^/]+)/?(.*)", re.DOTALL)
_MANIFEST_LIMIT = 64 * 2**20


@dataclass(frozen=True, order=True)
class ObjectInfo:
    """An object in a bucket; its size is in bytes."""

    bucket: str
    key: str
    size: int


class ReadStream(Protocol):
    """The bytes of an object, from the first to the last."""

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes. An empty answer means the end of the object."""
        ...

    def close(self) -> None: ...


def fill(stream: ReadStream, start: bytes, size: int) -> bytes:
    """Read on until there are `size` bytes, or until the end of the stream.

    Args:
        stream: the object.
        start: bytes that were read before.
        size: how many bytes are wanted, including `start`.
    """
    parts = [start]
    missing = size - len(start)
    while missing > 0 and (chunk := stream.read(missing)):
        parts.append(chunk)
        missing -= len(chunk)
    return b"".join(parts)


class WriteStream(Protocol):
    """An object that is being written. It exists after `commit`, as a whole, and never in part."""

    def write(self, data: bytes, /) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...


class ObjectSource(Protocol):
    """Reads objects. Every method raises `StorageError` if the storage refuses it."""

    def list(self, bucket: str, prefix: str) -> Iterable[ObjectInfo]: ...

    def open(self, bucket: str, key: str) -> ReadStream: ...


class ObjectSink(Protocol):
    """Writes objects. It raises `StorageError` if the storage refuses it."""

    def create(self, bucket: str, key: str) -> WriteStream: ...


class InputStream:
    """An input object that can be read again from its start, for another attempt at a streamed request.

    Args:
        open_object: opens the object at its first byte.
    """

    def __init__(self, open_object: Callable[[], ReadStream]) -> None:
        self._open = open_object
        self._stream = open_object()
        self._untouched = True
        self._ahead = b""

    def read(self, size: int, /) -> bytes:
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        self._untouched = False
        return self._stream.read(size)

    def peek(self, size: int) -> bytes:
        """Up to `size` of the next bytes, without reading past them."""
        if not self._ahead:
            self._ahead = self._stream.read(size)
        return self._ahead

    def rewind(self) -> None:
        """Go back to the first byte."""
        if not self._untouched:
            self._stream.close()
            self._stream = self._open()
            self._ahead = b""
            self._untouched = True

    def close(self) -> None:
        self._stream.close()


class GunzippedStream:
    """The decompressed bytes of a gzip stream of one or more members."""

    def __init__(self, compressed: ReadStream) -> None:
        self._compressed = compressed
        self._plain = gzip.GzipFile(fileobj=io.BufferedReader(_Raw(compressed), 2**18))

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes.

        Raises:
            ObjectFailure: the object is not in gzip format, or is truncated.
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


@dataclass(frozen=True)
class S3Uri:
    """A bucket, and a key in it or a prefix of keys; a slash has no special meaning in a prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        match = _S3_URI.fullmatch(uri)
        if match is None:
            raise client_error(f"not an S3 URI: {uri}")
        return cls(match[1], match[2])


@dataclass(frozen=True, order=True)
class Task:
    """One input object and the place of its output."""

    bucket: str
    key: str
    output_bucket: str
    output_key: str

    @property
    def name(self) -> str:
        """The object's name in the data log."""
        return f"{self.bucket}/{self.key}"


def relative_name(prefix: str, key: str) -> str:
    """The part of an input's key that goes into its output's key.

    A prefix that ends with a slash, or is followed by one in the key, is a folder and is cut off. Any other prefix ends
    inside a name, or is the whole key, and the whole base name is kept.

    Args:
        prefix: the prefix of S3Uri, without the bucket.
        key: the key of the input object, which starts with the prefix.
    """
    if not prefix or prefix.endswith("/"):
        return key.removeprefix(prefix)
    if key.startswith(f"{prefix}/"):
        return key.removeprefix(f"{prefix}/")
    return key[prefix.rfind("/") + 1 :]


def tasks(job: Transform, source: ObjectSource) -> list[Task]:
    """Every input object of a job: in the order of the keys, or of the manifest.

    Args:
        job: the settings.
        source: lists the objects, or reads the manifest.

    Raises:
        TransformFailure: the manifest is not valid, or a URI is not one of S3.
        StorageError: the storage refuses access.
    """
    target = S3Uri.parse(job.output_uri)
    base = target.key.rstrip("/")
    selected = _manifest_entries(job, source) if job.manifest else _listed(job, source)
    return [
        Task(bucket, key, target.bucket, f"{base}/{name}.out" if base else f"{name}.out")
        for bucket, key, name in selected
    ]


_Selected = tuple[str, str, str]
"""Bucket, key, and the part of the key that goes into the output's key."""


def _listed(job: Transform, source: ObjectSource) -> Iterable[_Selected]:
    prefix = S3Uri.parse(job.input_uri)
    for found in sorted(source.list(prefix.bucket, prefix.key)):
        if not _is_folder_marker(found):
            yield found.bucket, found.key, relative_name(prefix.key, found.key)


def _is_folder_marker(found: ObjectInfo) -> bool:
    return found.size == 0 and found.key.endswith("/")


def _manifest_entries(job: Transform, source: ObjectSource) -> Iterable[_Selected]:
    prefix, names = _read_manifest(_read(source, S3Uri.parse(job.input_uri)), job.input_uri)
    for name in names:
        full = S3Uri.parse(prefix + name)
        yield full.bucket, full.key, name


def _read(source: ObjectSource, place: S3Uri) -> bytes:
    with closing(source.open(place.bucket, place.key)) as stream:
        data = fill(stream, b"", _MANIFEST_LIMIT + 1)
    if len(data) > _MANIFEST_LIMIT:
        raise client_error(f"manifest s3://{place.bucket}/{place.key} is larger than {_MANIFEST_LIMIT} bytes")
    return data


def _read_manifest(data: bytes, uri: str) -> tuple[str, list[str]]:
    try:
        parsed: Any = json.loads(data)
        prefix, names = parsed[0]["prefix"], parsed[1:]
        if isinstance(prefix, str) and all(isinstance(name, str) for name in names):
            return prefix, names
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    form = '[{"prefix": "s3://bucket/prefix/"}, "relative/path", ...]'
    raise client_error(f"{uri} is not a manifest: it must be a JSON array of the form {form}")
