"""Unpacks model archives, which are not trusted: they cannot write outside the folder, and cannot fill disk or memory."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from localcloud.containers.images import ContainerError


@dataclass(frozen=True)
class Limits:
    """The limits of an archive, at which unpacking stops: a small archive may contain a huge file.

    Args:
        total_bytes: the most bytes of all files together.
        entries: the most files and folders.
    """

    total_bytes: int = 8 * 2**30
    entries: int = 10_000


DEFAULT_LIMITS: Final = Limits()
_DAMAGED: Final = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError)
_PORTION: Final = 2**20


class _Stream(gzip.GzipFile):
    """The decompressed archive. tarfile reads a header at once, and a header may claim to have any size."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _PORTION:
            raise tarfile.ReadError(f"it has a header of {size} bytes")
        return super().read(size)


def unpack(archive: Path, folder: Path, limits: Limits = DEFAULT_LIMITS) -> None:
    """Unpack a `.tar.gz` of regular files and folders.

    Args:
        archive: the archive.
        folder: where to; it is made if it does not exist.
        limits: how much may be unpacked.

    Raises:
        ContainerError: it is not such an archive, is empty, exceeds the limits, or contains an absolute path, `..`, a link
            or a device. Files that were unpacked before stay; the caller removes the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _Stream(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            files = _unpack_members(tar, folder, limits, archive.name)
    except _DAMAGED as error:
        raise ContainerError(
            f"{archive.name} cannot be read as a gzipped tar archive ({error}); SageMaker takes a model as .tar.gz"
        ) from error
    if files == 0:
        raise ContainerError(f"{archive.name} holds no file; pack the model into it, e.g. tar czf {archive.name} FILE")


def _unpack_members(tar: tarfile.TarFile, folder: Path, limits: Limits, archive: str) -> int:
    files = total = 0
    for count, member in enumerate(tar, start=1):
        if member.size < 0:
            raise tarfile.ReadError(f"it has a file of {member.size} bytes")
        total += member.size
        if count > limits.entries or total > limits.total_bytes:
            raise ContainerError(
                f"{archive} holds more than {limits.entries} entries or {limits.total_bytes} bytes; "
                "leave out of the archive what the model does not need"
            )
        target = _target(member, folder, archive)
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            _unpack_file(tar, member, target, archive)
            files += 1
    return files


def _target(member: tarfile.TarInfo, folder: Path, archive: str) -> Path:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name:
        raise ContainerError(f"{archive} holds the path {member.name!r}, which leads out of the model's folder")
    if not (member.isreg() or member.isdir()):
        raise ContainerError(
            f"{archive} holds {member.name!r}, which is neither a file nor a folder; links and devices are not unpacked"
        )
    return folder / name


def _unpack_file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, archive: str) -> None:
    source = tar.extractfile(member)
    if source is None or target.exists():
        raise ContainerError(f"{archive} holds {member.name!r} twice, or as a folder and a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("xb") as sink:
        shutil.copyfileobj(source, sink, _PORTION)
