"""Hashes of assets and archives, equal to those of the official engine, so that unchanged content is no change."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcloud.engine.errors import RegistrationError, UnsupportedError
from localcloud.engine.values import Archive, Asset, Properties, Value, parts, rewrite

_ARCHIVE_SUFFIXES = (".tar", ".tgz", ".tar.gz", ".zip", ".jar")
_BLOCK = 512


def with_hashes(properties: Properties, directory: Path) -> Properties:
    """The properties with the hash of every asset and archive, paths taken relative to a directory."""
    if not any(type(part) in (Asset, Archive) for part in parts(properties)):
        return properties

    def add(part: Value) -> Value:
        if type(part) is Asset and part.kind:
            return Asset(part.kind, part.content, hash_asset(part, directory))
        if type(part) is Archive and part.kind:
            return Archive(part.kind, part.content, hash_archive(part, directory))
        return part

    try:
        return rewrite(properties, add)
    except OSError as error:
        raise RegistrationError(f"an asset or archive cannot be read: {error}") from error


def hash_asset(asset: Asset, directory: Path) -> str:
    return hashlib.sha256(_content(asset, directory)).hexdigest()


def hash_archive(archive: Archive, directory: Path) -> str:
    """The hash of an archive file's bytes, or of the tar stream that the official engine would make of the files."""
    if archive.kind == "path" and not (directory / archive.content).is_dir():
        if not archive.content.endswith(_ARCHIVE_SUFFIXES):
            raise RegistrationError(
                f"{archive.content} is neither a folder nor an archive ({', '.join(_ARCHIVE_SUFFIXES)})"
            )
        return hashlib.sha256((directory / archive.content).read_bytes()).hexdigest()
    if archive.kind == "uri":
        return hashlib.sha256(_fetch(archive.content)).hexdigest()
    digest = hashlib.sha256()
    seen: set[str] = set()
    for name, content in _entries(archive, directory):
        if name not in seen:
            seen.add(name)
            digest.update(_tar_header(name, len(content)) + content + bytes(-len(content) % _BLOCK))
    digest.update(bytes(2 * _BLOCK))
    return digest.hexdigest()


def _content(asset: Asset, directory: Path) -> bytes:
    match asset.kind:
        case "text":
            return asset.content.encode()
        case "path":
            return (directory / asset.content).read_bytes()
        case _:
            return _fetch(asset.content)


def _fetch(uri: str) -> bytes:
    if uri.startswith("file://"):
        return Path(uri.removeprefix("file://")).read_bytes()
    if not uri.startswith(("http://", "https://")):
        raise UnsupportedError(f"an asset at {uri}")
    with urllib.request.urlopen(uri, timeout=60) as answer:  # noqa: S310  the scheme was checked
        return answer.read()


def _entries(archive: Archive, directory: Path) -> Iterator[tuple[str, bytes]]:
    if archive.kind == "path":
        yield from _folder_entries(directory / archive.content)
        return
    assets: dict[str, Any] = archive.content
    for name in sorted(assets):
        member = assets[name]
        if type(member) is Asset:
            yield name, _content(member, directory)
        elif type(member) is Archive and (member.kind == "assets" or (directory / str(member.content)).is_dir()):
            for inner, content in _entries(member, directory):
                yield f"{name}/{inner}", content
        else:
            raise UnsupportedError(f"an archive file nested in an archive ({name})")


def _folder_entries(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a lexical walk: within each folder, entries in byte order, folders entered where they stand."""
    pending = [folder]
    while pending:
        path = pending.pop()
        if path.is_dir():
            pending.extend(path / name for name in sorted(os.listdir(path), reverse=True))  # noqa: PTH208  names only
        else:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _tar_header(name: str, size: int) -> bytes:
    """A USTAR header as Go's archive/tar writes it for a name and a size only."""
    encoded, prefix = _split_name(name)
    fields = [
        encoded.ljust(100, b"\0"),
        b"0000600\0" + b"0000000\0" * 2,
        b"%011o\0" % size,
        b"00000000000\0",
        b" " * 8,
        b"0" + bytes(100),
        b"ustar\0" + b"00" + bytes(64),
        b"0000000\0" * 2,
        prefix.ljust(155, b"\0"),
        bytes(12),
    ]
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _split_name(name: str) -> tuple[bytes, bytes]:
    encoded = name.encode()
    if not name.isascii() or b"\0" in encoded:
        raise UnsupportedError(f"an archive member whose name is not ASCII ({name})")
    if len(encoded) <= 100:
        return encoded, b""
    cut = encoded[: 155 + 1].rfind(b"/")
    if cut <= 0 or not 0 < len(encoded) - cut - 1 <= 100:
        raise UnsupportedError(f"an archive member with a name of {len(encoded)} bytes ({name})")
    return encoded[cut + 1 :], encoded[:cut]
