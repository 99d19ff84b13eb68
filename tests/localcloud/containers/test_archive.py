"""A model archive may come from anybody."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.containers import ContainerError
from localcloud.containers.archive import Limits, unpack

LONG_NAME = tarfile.GNUTYPE_LONGNAME


def _entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, size
    return entry


def _archive(path: Path, *entries: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(b"x" * entry.size))
    return path


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param(_entry("/etc/passwd", size=1), "leads out of", id="absolute path"),
        pytest.param(_entry("../outside", size=1), "leads out of", id="parent folder"),
        pytest.param(_entry("a/../../outside", size=1), "leads out of", id="parent folder within a path"),
        pytest.param(_entry("a\\..\\b", size=1), "leads out of", id="backslashes"),
        pytest.param(_entry("link", tarfile.SYMTYPE, "/etc/passwd"), "neither a file nor a folder", id="symbolic link"),
        pytest.param(_entry("link", tarfile.LNKTYPE, "model"), "neither a file nor a folder", id="hard link"),
        pytest.param(_entry("fifo", tarfile.FIFOTYPE), "neither a file nor a folder", id="named pipe"),
        pytest.param(_entry("device", tarfile.CHRTYPE), "neither a file nor a folder", id="device"),
    ],
)
def test_an_entry_that_must_not_be_unpacked_is_refused(tmp_path: Path, entry: tarfile.TarInfo, said: str) -> None:
    path = _archive(tmp_path / "model.tar.gz", _entry("model", size=1), entry)
    with pytest.raises(ContainerError, match=said):
        unpack(path, tmp_path / "deep" / "model")
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "deep" / "outside").exists()


def _bytes(content: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


def _truncated(path: Path) -> Path:
    whole = _archive(path, _entry("model", size=100_000)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def _headers(*headers: tarfile.TarInfo) -> Callable[[Path], Path]:
    """An archive of these headers alone, which tarfile itself would not write."""
    content = b"".join(header.tobuf(tarfile.GNU_FORMAT) for header in headers)
    return _bytes(gzip.compress(content + bytes(tarfile.RECORDSIZE)))


def _plain_tar(path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        tar.addfile(_entry("model", size=1), io.BytesIO(b"x"))
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(_bytes(b"no archive at all"), "cannot be read as a gzipped tar archive", id="text"),
        pytest.param(_bytes(b""), "cannot be read as a gzipped tar archive", id="no byte"),
        pytest.param(_plain_tar, "cannot be read as a gzipped tar archive", id="not compressed"),
        pytest.param(_truncated, "cannot be read as a gzipped tar archive", id="cut off"),
        pytest.param(_headers(_entry("m", size=-512)), "a file of -512 bytes", id="file of negative size"),
        pytest.param(
            _headers(_entry("m", LONG_NAME, size=-512)), "a header of -512 bytes", id="header of negative size"
        ),
        pytest.param(
            _headers(_entry("m", LONG_NAME, size=2**40)), "a header of 1099511627776 bytes", id="header of a terabyte"
        ),
        pytest.param(
            _headers(*[_entry("m", LONG_NAME)] * 5000), "cannot be read as a gzipped tar archive", id="only headers"
        ),
        pytest.param(_archive, "holds no file", id="no entry"),
        pytest.param(lambda path: _archive(path, _entry("f", tarfile.DIRTYPE)), "holds no file", id="folders only"),
        pytest.param(lambda path: path, "cannot be read", id="missing"),
        pytest.param(
            lambda path: _archive(path, _entry("m", size=1), _entry("m", size=1)), "twice", id="same name twice"
        ),
    ],
)
def test_a_file_that_is_not_a_model_archive_is_refused(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(ContainerError, match=said):
        unpack(make(tmp_path / "model.tar.gz"), tmp_path / "model")


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(total_bytes=99), id="bytes"),
        pytest.param(Limits(entries=1), id="entries"),
    ],
)
def test_an_archive_beyond_the_limits_is_refused(tmp_path: Path, limits: Limits) -> None:
    path = _archive(tmp_path / "model.tar.gz", _entry("a", size=50), _entry("b", size=50))
    with pytest.raises(ContainerError, match="leave out"):
        unpack(path, tmp_path / "model", limits)


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    path = _archive(tmp_path / "model.tar.gz", _entry("./code", tarfile.DIRTYPE), _entry("./code/a", size=3))
    unpack(path, tmp_path / "model")
    assert (tmp_path / "model" / "code" / "a").read_bytes() == b"xxx"
