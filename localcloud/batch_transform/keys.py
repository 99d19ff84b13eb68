"""Which objects a job reads, and the key of each one's output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.batch_transform.errors import client_error
from localcloud.batch_transform.job import Transform
from localcloud.batch_transform.streams import ObjectInfo, ObjectSource

_S3_URI = re.compile(r"(?:https|s3)://([^/]+)/?(.*)", re.DOTALL)
_MANIFEST_LIMIT = 64 * 2**20


@dataclass(frozen=True)
class S3Uri:
    """A bucket and a raw string prefix of keys in it (no slash semantics)."""

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
    """One input object and the key of its output."""

    bucket: str
    key: str
    output_bucket: str
    output_key: str

    @property
    def name(self) -> str:
        """How the data log calls the object."""
        return f"{self.bucket}/{self.key}"


def relative_name(prefix: str, key: str) -> str:
    """What of an input's key goes into its output's key.

    A prefix that ends at a slash, or is followed by one in the key, is a folder and is cut off. Any other prefix ends
    inside a name (or is the whole key): the base name is kept in full.
    """
    if not prefix or prefix.endswith("/"):
        return key.removeprefix(prefix)
    if key.startswith(f"{prefix}/"):
        return key.removeprefix(f"{prefix}/")
    return key[prefix.rfind("/") + 1 :]


def tasks(job: Transform, source: ObjectSource) -> list[Task]:
    """Every input object of a job, in the order of their keys.

    Raises:
        TransformFailure: a manifest that is none.
        StorageError: the store refuses the listing.
    """
    target = S3Uri.parse(job.output_uri)
    base = target.key.rstrip("/")
    selected = _manifest_entries(job, source) if job.manifest else _listed(job, source)
    return [
        Task(bucket, key, target.bucket, f"{base}/{name}.out" if base else f"{name}.out")
        for bucket, key, name in selected
    ]


def share(items: Sequence[Task], instances: int) -> list[list[Task]]:
    """Objects shared out over instances; an object is never cut, an instance may get none."""
    return [list(items[number::instances]) for number in range(instances)]


_Selected = tuple[str, str, str]
"""Bucket, key, and what of the key goes into the output's key."""


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
    stream = source.open(place.bucket, place.key)
    try:
        data = stream.read(_MANIFEST_LIMIT + 1)
    finally:
        stream.close()
    if len(data) > _MANIFEST_LIMIT:
        raise client_error(f"manifest s3://{place.bucket}/{place.key} is larger than {_MANIFEST_LIMIT} bytes")
    return data


def _read_manifest(data: bytes, uri: str) -> tuple[str, list[str]]:
    try:
        parsed: Any = json.loads(data)
        prefix, names = parsed[0]["prefix"], parsed[1:]
    except (ValueError, LookupError, TypeError) as error:
        raise _no_manifest(uri) from error
    if not isinstance(prefix, str) or not all(isinstance(name, str) for name in names):
        raise _no_manifest(uri)
    return prefix, names


def _no_manifest(uri: str) -> Exception:
    form = '[{"prefix": "s3://bucket/prefix/"}, "relative/path", ...]'
    return client_error(f"{uri} is not a manifest: it must be a JSON array of the form {form}")
