"""Containers under test keep their files in a temporary home, and share one fork server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from localcloud.containers.launcher import shared_launcher
from tests.localcloud.containers.support import pack

Archive = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture(scope="session", autouse=True)
def temporary_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("LOCALCLOUD_HOME")
    os.environ["LOCALCLOUD_HOME"] = str(folder)
    yield folder
    shared_launcher().close()
    if before is None:
        del os.environ["LOCALCLOUD_HOME"]
    else:
        os.environ["LOCALCLOUD_HOME"] = before


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Packs files into a model archive."""

    return lambda files: pack(tmp_path / "model.tar.gz", files)
