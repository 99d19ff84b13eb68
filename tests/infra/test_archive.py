"""A model archive, looked at before anything is created, without xgboost."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from infra import archive

MODEL = b"{L\0\0\0\0\0\0\0\x07learner{L"
JSON = b'{"learner": {"gradient_booster": {}}, "version": [3, 0, 5]}'
OLD = b"\0\0\0?ab\0\0"


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
        pytest.param({"a": MODEL, "b.json": JSON, "c": MODEL}, id="an ensemble"),
        pytest.param({"a": b'\n{"version": [3, 0, 5], "learner": {}}'}, id="JSON in another order"),
        pytest.param({"a": OLD}, id="a binary model of old, which nothing tells from other bytes"),
    ],
)
def test_the_built_in_container_accepts(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert archive.problem(pack(tmp_path / "m.tar.gz", files), built_in=True) is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "has no file at its root", id="nothing"),
        pytest.param({"deep/xgboost-model": MODEL}, "has no file at its root", id="a model in a folder"),
        pytest.param(
            {"a": MODEL, "README.md": "Größe".encode()}, "files that are not models: README.md.", id="a stray text"
        ),
        pytest.param({"a": MODEL, "b.csv": b"1,2\n" * 9000}, "files that are not models: b.csv.", id="a stray table"),
        pytest.param({"a": MODEL, "m.json": b'{"rmse": 1}'}, "files that are not models: m.json.", id="a stray JSON"),
        pytest.param({"a": b"", "b": b"x"}, "files that are not models: a, b.", id="an empty file and another"),
        pytest.param({"m": pickle.dumps({"a": 1})}, "holds a pickle (m)", id="a pickle"),
        pytest.param({"a": MODEL, "b": pickle.dumps({"a": 1})}, "holds a pickle (b)", id="a pickle in an ensemble"),
    ],
)
def test_the_built_in_container_does_not_accept(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
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
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, content: bytes, built_in: bool) -> None:
    path = tmp_path / "m.tar.gz"
    path.write_bytes(content)
    assert archive.problem(path, built_in=built_in)


@pytest.mark.parametrize("position", [0.25, 0.5, 0.75])
def test_a_damaged_archive_is_refused(tmp_path: Path, position: float) -> None:
    rows = np.random.default_rng(0).integers(0, 99, 40_000)
    path = pack(tmp_path / "m.tar.gz", {"xgboost-model": MODEL + " ".join(map(str, rows)).encode()})
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 0xFF
    path.write_bytes(content)
    assert "is not a valid tar.gz archive" in (archive.problem(path, built_in=True) or "")


def test_a_model_that_is_not_packed_is_packed_by_the_command_of_the_readme(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(MODEL)
    assert f"Make one with: make model-archive FILE={path}" in (archive.problem(path, built_in=True) or "")


@pytest.mark.parametrize("files", [{"m.joblib": pickle.dumps({"a": 1})}, {"code/inference.py": b"x"}], ids=str)
def test_an_archive_of_scikit_learn_is_told_its_image(tmp_path: Path, files: dict[str, bytes]) -> None:
    said = archive.problem(pack(tmp_path / "m.tar.gz", files), built_in=True) or ""
    assert "for a scikit-learn model, set image='sagemaker-scikit-learn:" in said


def test_a_missing_archive_says_where_one_comes_from(tmp_path: Path) -> None:
    assert "make model" in (archive.problem(tmp_path / "gone.tar.gz", built_in=True) or "")


def test_a_folder_for_an_archive_is_told_that_a_file_is_needed(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert f"there is no file m in {tmp_path}" in (archive.problem(tmp_path / "m", built_in=True) or "")


def test_an_own_image_may_have_any_files(tmp_path: Path) -> None:
    path = pack(tmp_path / "m.tar.gz", {"a": pickle.dumps(1), "b": b"x"})
    assert archive.problem(path, built_in=False) is None


def test_the_committed_archive_is_accepted() -> None:
    assert archive.problem(Path(__file__).parents[2] / "model" / "model.tar.gz", built_in=True) is None


BOOSTERS: dict[str, dict[str, object]] = {
    "trees": {"booster": "gbtree", "objective": "binary:logistic"},
    "dropout trees": {"booster": "dart", "objective": "reg:squarederror"},
    "a linear model": {"booster": "gblinear", "objective": "reg:squarederror"},
    "several classes": {"booster": "gbtree", "objective": "multi:softprob", "num_class": 3},
}


def trained(parameters: dict[str, object], features: int, rounds: int = 3) -> xgboost.Booster:
    draw = np.random.default_rng(0)
    rows, labels = draw.random((40, features)), draw.integers(0, int(str(parameters.get("num_class", 2))), 40)
    return xgboost.train({**parameters, "nthread": 1}, xgboost.DMatrix(rows, label=labels), rounds)


@pytest.mark.parametrize("raw_format", ["json", "ubj"])
@pytest.mark.parametrize("features", [1, 5, 300])
@pytest.mark.parametrize("parameters", [pytest.param(value, id=name) for name, value in BOOSTERS.items()])
def test_features_and_version_are_those_of_the_booster(
    parameters: dict[str, object], features: int, raw_format: str
) -> None:
    booster = trained(parameters, features)
    found = archive.read_model(io.BytesIO(bytes(booster.save_raw(raw_format))))
    assert (found.features, found.version) == (booster.num_features(), (3, 0, 5))


@pytest.mark.parametrize("raw_format", ["json", "ubj"])
def test_a_model_that_is_larger_than_the_part_in_memory_is_read_correctly(raw_format: str) -> None:
    raw = bytes(trained({**BOOSTERS["trees"], "max_depth": 9, "min_child_weight": 0}, 7, 1500).save_raw(raw_format))
    assert len(raw) > 1 << 20
    found = archive.read_model(io.BytesIO(raw))
    assert (found.features, found.version) == (7, (3, 0, 5))


@pytest.mark.parametrize("raw_format", ["json", "ubj"])
def test_names_of_features_that_look_like_parameters_confuse_nothing(raw_format: str) -> None:
    booster = trained(BOOSTERS["trees"], 2)
    booster.feature_names = ["learner_model_param", 'num_feature":"9"']
    booster.set_attr(version='"version":[9,9,9]', learner_model_param='{"num_feature":"9"}')
    found = archive.read_model(io.BytesIO(bytes(booster.save_raw(raw_format))))
    assert (found.features, found.version) == (2, (3, 0, 5))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(pickle.dumps({"num_feature": "9"}), id="a pickle"),
        pytest.param(b'{"learner": {}}', id="JSON without parameters"),
        pytest.param(b'{"learner_model_param": {"num_feature": "x"}}', id="a count that is no number"),
        pytest.param(b'{"learner_model_param": {"num_feature": 5}}', id="a count of another type"),
        pytest.param(b'{"learner_model_param": [', id="JSON cut off"),
        pytest.param(b"learner_model_param{L\0\0", id="UBJSON cut off"),
        pytest.param(b"learner_model_param{i\x03ab", id="UBJSON cut off in a key"),
        pytest.param(b"learner_model_param{i\xff", id="UBJSON with a negative length"),
    ],
)
def test_another_file_has_neither_features_nor_version(content: bytes) -> None:
    found = archive.read_model(io.BytesIO(content))
    assert (found.features, found.version) == (None, None)
