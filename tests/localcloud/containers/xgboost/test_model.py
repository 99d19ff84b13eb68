"""Which models the container accepts, and how it refuses the others."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost

from localcloud.containers.xgboost.model import ModelError, load, saved_version
from tests.localcloud.containers.xgboost.support import FEATURES, model_folder, train

_UBJ_VERSION = b"version[#L\0\0\0\0\0\0\0\x03i\x03i\0i\x05"


def _ubj(version: bytes = _UBJ_VERSION) -> bytes:
    raw = bytes(train("binary:logistic").save_raw("ubj"))
    assert raw.count(_UBJ_VERSION) == 1
    return raw.replace(_UBJ_VERSION, version)


def _json(version: bytes = b"[3,0,5]") -> bytes:
    raw = bytes(train("binary:logistic").save_raw("json"))
    return raw.replace(b'"version":[3,0,5]', b'"version":' + version)


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        pytest.param(_json, (3, 0, 5), id="JSON"),
        pytest.param(_ubj, (3, 0, 5), id="UBJSON"),
        pytest.param(lambda: _json(b"[3,2,0]"), (3, 2, 0), id="newer JSON"),
        pytest.param(
            lambda: _ubj(_UBJ_VERSION.replace(b"i\0i\x05", b"i\x02I\x01\x00")), (3, 2, 256), id="wide numbers"
        ),
        pytest.param(lambda: b"no model", None, id="none"),
    ],
)
def test_a_model_tells_which_xgboost_saved_it(raw: Callable[[], bytes], version: tuple[int, ...] | None) -> None:
    assert saved_version(raw()) == version


class _Trap:
    """Unpickled, it leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return _spring, (str(self.path),)


def _spring(path: str) -> object:
    Path(path).touch()
    return object()


@pytest.mark.parametrize("protocol", [pytest.param(number, id=f"protocol {number}") for number in range(6)])
def test_a_pickle_is_refused_and_never_opened(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "xgboost-model").write_bytes(pickle.dumps(_Trap(tmp_path / "sprung"), protocol=protocol))
    with pytest.raises(ModelError, match="pickle" if protocol >= 2 else "cannot be loaded"):
        load(folder, ensemble=True)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(
            lambda: _json(b"[3,2,0]"), r"saved by xgboost 3\.2\.0, newer than this image's 3\.0\.5", id="newer"
        ),
        pytest.param(
            lambda: _ubj(_UBJ_VERSION.replace(b"i\x03i\0i\x05", b"i\x04i\0i\0")),
            r"saved by xgboost 4\.0\.0",
            id="newest",
        ),
        pytest.param(lambda: b"no model", "Model xgboost-model cannot be loaded:\nXGB load model error=", id="text"),
        pytest.param(lambda: b"", "cannot be loaded", id="no byte"),
        pytest.param(lambda: _ubj()[:300], "cannot be loaded", id="cut off"),
    ],
)
def test_a_file_that_is_not_a_model_of_this_image_is_refused(
    tmp_path: Path, raw: Callable[[], bytes], said: str
) -> None:
    (tmp_path / "xgboost-model").write_bytes(raw())
    with pytest.raises(ModelError, match=said):
        load(tmp_path, ensemble=True)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_bytes(_json())
    (tmp_path / "code").mkdir()
    with pytest.raises(ModelError, match="holds no model at its top level"):
        load(tmp_path, ensemble=True)


@pytest.mark.parametrize("raw", [pytest.param(_json, id="JSON"), pytest.param(_ubj, id="UBJSON")])
def test_a_model_of_any_name_and_format_is_taken(tmp_path: Path, raw: Callable[[], bytes]) -> None:
    (tmp_path / "any name").write_bytes(raw())
    rows = FEATURES[:5].astype(np.float32)
    expected = train("binary:logistic").predict(xgboost.DMatrix(rows, nthread=1))
    np.testing.assert_array_equal(load(tmp_path, ensemble=True).predict(rows), expected)


def test_hidden_files_are_not_members_of_an_ensemble(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", train("binary:logistic"))
    (folder / ".DS_Store").write_bytes(b"x")
    assert len(load(folder, ensemble=True).members) == 1
