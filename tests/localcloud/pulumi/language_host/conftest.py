"""The real CLI beside this checkout's language host, and projects for it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.go import binaries
from localcloud.go.programs import PULUMI
from localcloud.pulumi.language_host import scripts
from tests.localcloud.pulumi.language_host.project import Project


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled CLI and the programs that it looks for beside itself."""
    if not binaries.is_built(PULUMI):
        pytest.fail("Pulumi's CLI is not compiled on this machine: run `make setup` first")
    folder = tmp_path_factory.mktemp("a cli with spaces")
    compiled = binaries.folder(PULUMI) / "pulumi"
    try:
        (folder / "pulumi").hardlink_to(compiled)
    except OSError:  # the build cache is on another file system
        shutil.copy2(compiled, folder)
    scripts.install(folder)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Pulumi home without plugins."""
    return tmp_path_factory.mktemp("pulumi-home")


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory, cli: Path, home: Path) -> Project:
    """A project whose stack the others copy."""
    made = Project(tmp_path_factory.mktemp("untouched") / "project", cli, home)
    made.init()
    return made


@pytest.fixture
def project(tmp_path: Path, cli: Path, home: Path, untouched: Project) -> Project:
    """A project with a stack on which nothing has run yet."""
    made = Project(tmp_path / "project", cli, home)
    made.copy_stack(untouched)
    return made


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory, cli: Path, home: Path) -> Callable[..., Project]:
    """A project that the tests of a module share, one program after the other, by previews that leave it as it is."""
    made = Project(tmp_path_factory.mktemp("previewed") / "project", cli, home)
    made.init()

    def with_program(text: str) -> Project:
        made.settings()
        made.program(text)
        return made

    return with_program
