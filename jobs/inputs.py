"""The input of a job: a local file or folder, a place in S3, or another job's result.

A local input is uploaded under a key that contains its digest, so that equal content is uploaded once, and changed content
never replaces the input of an older job. The digest of an S3 input is that of its listing.
"""

import hashlib
import itertools
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.archive import digest
from infra.problems import missing
from jobs.columns import SAMPLE, Sample
from lookups import s3

DIGEST_LENGTH = 16
SAMPLED_FILES = 100  # of a folder
LARGEST_MANIFEST = 64 * 2**20  # a larger object is certainly not a manifest


class InputError(Exception):
    """An input that cannot be used, and what to do."""


@dataclass(frozen=True)
class ResultOf:
    """The result of another declared job, as input of the next."""

    job: str


@dataclass(frozen=True)
class LocalInput:
    """A file or folder on this machine, as it was when its digest was computed."""

    path: Path
    files: tuple[tuple[str, Path], ...]
    """For each file its name under the input's prefix, and its path."""
    digest: str

    @property
    def is_single(self) -> bool:
        return self.path.is_file()

    @property
    def prefix(self) -> str:
        return f"input/{self.digest[:DIGEST_LENGTH]}/"

    @property
    def key(self) -> str:
        """The key for SageMaker: the object of a file, or the prefix of a folder."""
        return self.prefix + self.files[0][0] if self.is_single else self.prefix

    def changed(self) -> bool:
        """Say whether the files have changed since their digest was computed."""
        try:
            return local(self.path).digest != self.digest
        except InputError:
            return True


@dataclass(frozen=True)
class S3Input:
    """The objects under an S3 URI as they are now."""

    uri: str
    digest: str
    result_name: str
    """The name of the result under the output path; empty if there may be several."""
    first: str = ""
    """The URI of the first object."""


Input = LocalInput | S3Input | ResultOf
NOTHING = S3Input("", "", "")
"""Takes the place of an input that could not be read, until the problem is reported."""
ListObjects = Callable[[str], Sequence[s3.S3Object]]


def resolve(source: str | ResultOf, data_type: str, root: Path, list_objects: ListObjects = s3.list_objects) -> Input:
    """Find an input and compute its digest.

    Args:
        source: a path, an S3 URI or another job's result.
        data_type: SageMaker's word, S3Prefix or ManifestFile.
        root: the folder to which a path is relative.
        list_objects: lists the objects under an S3 URI.

    Raises:
        InputError: a job could not read it.
    """
    if isinstance(source, ResultOf):
        return source
    if not source:
        raise InputError("the input names no file; name a file, a folder, an s3:// URI or another job's result")
    if "://" not in source:
        return local(root / source)
    return _manifest(source, list_objects) if data_type == "ManifestFile" else _prefix(source, list_objects)


def samples(source: Input, compression_type: str, read_head: Callable[[str, int], bytes]) -> Iterator[Sample]:
    """Yield the beginning of each input object of a job that exists already and may be read.

    Args:
        source: the input. For a folder, its first files are read; for a prefix, its first object.
        compression_type: SageMaker's word, None or Gzip.
        read_head: gives the first bytes of an S3 object.

    Raises:
        InputError: the job says Gzip, and the input is something else.
    """
    for name, head in itertools.islice(_heads(source, read_head), SAMPLED_FILES):
        if compression_type == "Gzip":
            yield Sample(name, *_decompressed(name, head))
        elif head:
            yield Sample(name, head[:SAMPLE], is_whole=len(head) <= SAMPLE)


def _heads(source: Input, read_head: Callable[[str, int], bytes]) -> Iterator[tuple[str, bytes]]:
    if isinstance(source, LocalInput):
        for _, path in source.files:
            with path.open("rb") as file:
                yield str(path), file.read(SAMPLE + 1)
    elif isinstance(source, S3Input) and source.first and (head := read_head(source.first, SAMPLE + 1)):
        yield source.first, head


def _decompressed(name: str, head: bytes) -> tuple[bytes, bool]:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = reader.decompress(head, SAMPLE)
    except zlib.error as error:
        raise InputError(
            f'{name} is not compressed with gzip, but compression_type is "Gzip"; remove compression_type'
        ) from error
    return text, reader.eof and not reader.unused_data


def local(where: Path) -> LocalInput:
    """Compute the digest of a file, or of all files in a folder except hidden ones."""
    try:
        files = _files(where)
        if not any(file.stat().st_size for _, file in files):
            raise InputError(f"{where} is empty; a job needs at least one record")
        return LocalInput(where, files, digest(where) if where.is_file() else _folder_digest(files))
    except OSError as error:
        raise InputError(f"{error.filename or where} cannot be read: {error.strerror}") from error


def _files(where: Path) -> tuple[tuple[str, Path], ...]:
    if where.is_file():
        return ((where.name, where),)
    if not where.is_dir():
        raise InputError(missing(where))
    found = sorted(file for file in where.rglob("*") if file.is_file())
    named = ((file.relative_to(where), file) for file in found)
    files = tuple((name.as_posix(), file) for name, file in named if not any(part[0] == "." for part in name.parts))
    if odd := [name for name, _ in files if not _is_utf8(name)]:
        raise InputError(
            f"{where} contains a file with a name that is not UTF-8, as S3 keys are: {odd[0]!a}; rename it"
        )
    return files


def _is_utf8(name: str) -> bool:
    """Python keeps bytes of a file's name that are not UTF-8 as lone surrogates, which cannot be sent."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _folder_digest(files: Sequence[tuple[str, Path]]) -> str:
    """Include the names: results are named after them, and a folder with one file must not have the prefix of that file."""
    content = json.dumps([[name, digest(file)] for name, file in files])
    return hashlib.sha256(content.encode()).hexdigest()


def _prefix(uri: str, list_objects: ListObjects) -> S3Input:
    objects = listed(uri, list_objects)
    key = s3.Location.parse(uri).key
    single = len(objects) == 1 and objects[0].key == key
    result_name = f"{key.rpartition('/')[2]}.out" if single else ""
    return S3Input(uri, s3.listing_digest(objects), result_name, _uri(uri, objects[0]))


def _manifest(uri: str, list_objects: ListObjects) -> S3Input:
    """Compute the digest of a manifest and of every object that it names."""
    manifest = listed(uri, list_objects)[:1]
    prefix, names = _manifest_entries(uri)
    start = s3.Location.parse(prefix).key
    named = {start + name for name in names}
    objects = [item for item in listed(prefix, list_objects) if item.key in named]
    missing = sorted(named - {item.key for item in objects})
    if missing:
        raise InputError(f"the manifest {uri} names {missing[0]}, which does not exist")
    return S3Input(uri, s3.listing_digest([*manifest, *objects]), "", _uri(prefix, objects[0]))


def _uri(beside: str, found: s3.S3Object) -> str:
    return s3.Location(s3.Location.parse(beside).bucket, found.key).uri


def _manifest_entries(uri: str) -> tuple[str, list[str]]:
    try:
        content = s3.read(uri, largest=LARGEST_MANIFEST)
    except s3.S3Error as error:
        raise InputError(str(error)) from error
    try:
        (first, *names) = json.loads(content)
        s3.Location.parse(first["prefix"])
        if names and all(isinstance(name, str) for name in names):
            return first["prefix"], names
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, s3.S3Error):
        pass
    raise InputError(f'{uri} is not a manifest; it must look like [{{"prefix": "s3://bucket/prefix/"}}, "name", ...]')


def listed(uri: str, list_objects: ListObjects) -> list[s3.S3Object]:
    """Return the objects under a URI; raise InputError if there are none, or if S3 cannot list them."""
    try:
        objects = list(list_objects(uri))
    except s3.S3Error as error:
        raise InputError(str(error)) from error
    if not objects:
        raise InputError(f"there is nothing under {uri}; put the input there or correct the path")
    return objects
