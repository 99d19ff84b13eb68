"""A model archive, looked at before anything is created."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path

import pytest

from infra import archive
from infra.model import name_by_content

MODEL = b"{L\x00\x00 a model"


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as target:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"xgboost-model": MODEL}, id="one model"),
        pytest.param({"./xgboost-model": MODEL}, id="one model as tar of a folder writes it"),
        pytest.param({"xgboost-model": MODEL, ".hidden": b"x"}, id="a dotfile beside it"),
        pytest.param({"xgboost-model": MODEL, "code/inference.py": b"x"}, id="a file in a folder beside it"),
    ],
)
def test_the_built_in_container_takes(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert archive.problem(pack(tmp_path / "m.tar.gz", files), built_in=True) is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "has 0 files at its root (none)", id="nothing"),
        pytest.param({"a": MODEL, "README.md": b"x"}, "has 2 files at its root (a, README.md)", id="a stray file"),
        pytest.param({"deep/xgboost-model": MODEL}, "has 0 files at its root", id="a model in a folder"),
        pytest.param({"m": pickle.dumps({"a": 1})}, "holds a pickle", id="a pickle"),
    ],
)
def test_the_built_in_container_does_not_take(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    assert message in (archive.problem(pack(tmp_path / "m.tar.gz", files), built_in=True) or "")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no archive at all", id="text"),
        pytest.param(gzip.compress(b"no tar at all" * 100), id="gzip of something else"),
        pytest.param(gzip.compress(b"\0" * 20000)[:40], id="cut off"),
    ],
)
@pytest.mark.parametrize("built_in", [pytest.param(True, id="XGBoost"), pytest.param(False, id="own image")])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, built_in: bool) -> None:
    path = tmp_path / "m.tar.gz"
    path.write_bytes(content)
    assert archive.problem(path, built_in=built_in)


def test_a_missing_archive_says_where_one_comes_from(tmp_path: Path) -> None:
    assert "make model" in (archive.problem(tmp_path / "gone.tar.gz", built_in=True) or "")


def test_an_own_image_may_have_any_files(tmp_path: Path) -> None:
    path = pack(tmp_path / "m.tar.gz", {"a": pickle.dumps(1), "b": b"x"})
    assert archive.problem(path, built_in=False) is None


def test_the_committed_archive_is_taken() -> None:
    assert archive.problem(Path(__file__).parents[2] / "model" / "model.tar.gz", built_in=True) is None


BASE = {"prefix": "w", "image": "i", "digest": "d", "environment": {"A": "1"}, "role_arn": "r"}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"image": "i2"}, id="image"),
        pytest.param({"digest": "d2"}, id="archive"),
        pytest.param({"environment": {"A": "2"}}, id="environment"),
        pytest.param({"role_arn": "r2"}, id="role"),
    ],
)
def test_a_model_has_another_name_for_another(changed: dict[str, object]) -> None:
    assert name_by_content(**BASE) != name_by_content(**{**BASE, **changed})  # pyright: ignore[reportArgumentType] a table of mixed types


def test_a_model_has_one_name_whatever_the_order_of_its_environment() -> None:
    first = name_by_content("w", "i", "d", {"A": "1", "B": "2"}, "r")
    assert name_by_content("w", "i", "d", {"B": "2", "A": "1"}, "r") == first
