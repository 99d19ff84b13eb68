"""Containers under test keep their files in a temporary home, and share one fork server."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from localcloud.containers.launcher import close_shared_launcher

Archive = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture(scope="session", autouse=True)
def temporary_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("LOCALCLOUD_HOME")
    os.environ["LOCALCLOUD_HOME"] = str(folder)
    yield folder
    close_shared_launcher()
    if before is None:
        del os.environ["LOCALCLOUD_HOME"]
    else:
        os.environ["LOCALCLOUD_HOME"] = before


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Packs files into a model archive."""

    def pack(files: Mapping[str, bytes]) -> Path:
        path = tmp_path / "model.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return path

    return pack
