"""The environment of an image: found, made once, or refused with what to do."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcloud.containers import ContainerError
from localcloud.containers.scikit_learn.environment import ensure, find_python
from localcloud.containers.scikit_learn.versions import VERSIONS, Versions
from localcloud.go.binaries import cache_folder
from tests.localcloud.containers.support import wheel

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
SMALL = Versions("test", OWN, ("small==1",))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build cache of the test's own, and no Python beside this one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.delenv("UV_PYTHON_INSTALL_DIR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return cache_folder()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in place of a package registry: it has the package of `SMALL`, and a pip."""
    folder = tmp_path / "registry"
    folder.mkdir()
    for name, content in (wheel("small", "ANSWER = 42"), wheel("pip", "", "24.0")):
        (folder / name).write_bytes(content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_this_python_serves_where_it_is_the_images() -> None:
    assert find_python(SMALL) == Path(sys.executable)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("bin/python3.99", id="on PATH"),
        pytest.param("pyenv/versions/3.99.4/bin/python3.99", id="of pyenv"),
        pytest.param("uv/python/cpython-3.99.4-linux/bin/python3.99", id="of uv"),
    ],
)
def test_a_python_is_found(tmp_path: Path, place: str) -> None:
    _program(tmp_path / "bin" / "python3.9", "echo 3.9")
    expected = _program(tmp_path / place, "echo 3.99")
    assert find_python(Versions("test", "3.99", ())) == expected


def test_a_shim_without_a_version_behind_it_is_passed_over(tmp_path: Path) -> None:
    _program(tmp_path / "bin" / "python3.99", "echo 'pyenv: python3.99: command not found' >&2; exit 127")
    expected = _program(tmp_path / "pyenv/versions/3.99.1/bin/python3.99", "echo 3.99")
    assert find_python(Versions("test", "3.99", ())) == expected


def test_without_such_a_python_the_image_is_refused_with_advice() -> None:
    with pytest.raises(
        ContainerError, match=r"has Python 3\.99, which this machine does not have .*pyenv install 3\.99"
    ):
        ensure(Versions("9.9-9", "3.99", ()), lambda _: None)


@pytest.mark.usefixtures("registry")
def test_without_wheels_the_image_is_refused_and_nothing_is_left(cache: Path) -> None:
    with pytest.raises(ContainerError, match=r"packages as wheels for Python .*No matching distribution .*no-such"):
        ensure(Versions("test", OWN, ("no-such==1",)), lambda _: None)
    assert [path.suffix for path in cache.iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("registry")
def test_an_environment_is_made_once_for_all_who_ask_and_again_when_it_is_broken(cache: Path) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(2) as jobs:
        first, second = jobs.map(lambda _: ensure(SMALL, said.append), range(2))
    assert first == second
    assert first.is_relative_to(cache)
    assert sum(line.startswith("Making the environment of sagemaker-scikit-learn:test, once") for line in said) == 1
    assert any(line.startswith("Another job is making this environment; waiting") for line in said)
    answer = subprocess.run([first, "-c", "import small; print(small.ANSWER)"], capture_output=True, check=True)
    assert answer.stdout == b"42\n"
    said.clear()
    assert ensure(SMALL, said.append) == first
    assert said == []
    first.unlink()
    assert ensure(SMALL, said.append) == first
    assert said[-1].startswith("Made the environment in ")


@pytest.mark.parametrize("versions", VERSIONS, ids=lambda versions: versions.tag)
def test_every_package_is_pinned(versions: Versions) -> None:
    assert all(package.count("==") == 1 for package in versions.packages)
