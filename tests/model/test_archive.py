"""Packing your own model."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import xgboost

from infra.archive import problem
from model import archive
from model.archive import unpack


@pytest.fixture(name="model", params=["model.json", "model.ubj"])
def _model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    rows = np.random.default_rng(0).random((20, 5))
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, label=rows[:, 0]), 2)
    booster.save_model(tmp_path / request.param)
    return tmp_path / request.param


def test_a_model_is_packed_and_described(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive.main([str(model)]) == 0
    target = model.parent / "model.tar.gz"
    assert unpack(target.read_bytes()) == model.read_bytes()
    assert problem(target, built_in=True) is None
    assert f"{target}: a model of 5 columns, saved by xgboost 3.0.5" in capsys.readouterr().out


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert archive.main([str(path)]) == 1
    assert not (path.parent / f"{path.stem}.tar.gz").exists()
    return capsys.readouterr().err


def test_a_missing_file_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / "gone.json", capsys)


def test_a_folder_that_takes_no_archive_is_reported(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model.parent / "model.tar.gz").mkdir()
    assert archive.main([str(model)]) == 1
    assert f"{model.parent / 'model.tar.gz'} cannot be written: Is a directory" in capsys.readouterr().err


def test_a_pickle_is_not_packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert "save it with booster.save_model('model.json')" in refused(tmp_path / "model.pkl", capsys)


def test_a_model_of_a_newer_xgboost_is_not_packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = {"learner": {"learner_model_param": {"num_feature": "5"}}, "version": [3, 2, 0]}
    (tmp_path / "model.json").write_text(json.dumps(newer))
    assert "saved by xgboost 3.2.0, and SageMaker's image has 3.0.5" in refused(tmp_path / "model.json", capsys)
