"""RecordIO-protobuf, in and out, on records that SageMaker's container toolkit 2.8.6 wrote and on damaged ones."""

from __future__ import annotations

import base64
import contextlib
import struct
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from localcloud.containers.xgboost.recordio import RecordIOError, read_features, write_labels
from tests.localcloud.containers.xgboost.support import FEATURES, Apps, ask, asked_directly, train

TYPE = "application/x-recordio-protobuf"
_MAGIC = 0xCED7230A
_WHOLE, _BEGIN, _MIDDLE, _END = range(4)

# Written by sagemaker_containers 2.8.6.post2: array_to_recordio_protobuf of the matrices beside them.
_FLOAT32 = "CiPXzhwAAAAKGgoGdmFsdWVzEhASDgoMAADAPwAAAMAAAFBACiPXzhwAAAAKGgoGdmFsdWVzEhASDgoMAACAQAAAoEAAAMBA"
_FLOAT64_WITH_LABELS = (
    "CiPXzkAAAAAKJgoGdmFsdWVzEhwaGgoYAAAAAAAA+D8AAAAAAAAAwAAAAAAAAApAEhYKBnZhbHVlcxIMGgoKCAAAAAAAAPA/CiPXzkAAAAAKJgoG"
    "dmFsdWVzEhwaGgoYAAAAAAAAEEAAAAAAAAAUQAAAAAAAABhAEhYKBnZhbHVlcxIMGgoKCAAAAAAAAAAA"
)
_INT32 = "CiPXzhwAAAAKGgoGdmFsdWVzEhA6DgoMAf7//////////wEDCiPXzhMAAAAKEQoGdmFsdWVzEgc6BQoDBAUGAA=="
_SPARSE = (
    "CiPXzh8AAAAKHQoGdmFsdWVzEhMSEQoIAADAPwAAAEASAgEDGgEEAAoj184RAAAACg8KBnZhbHVlcxIFEgMaAQQAAAAKI9fOHwAAAAodCgZ2YWx1"
    "ZXMSExIRCggAAOBAAACAPhICAAMaAQQA"
)
_DENSE = [[1.5, -2.0, 3.25], [4, 5, 6]]


def _frame(payload: bytes, kind: int = _WHOLE, length: int | None = None) -> bytes:
    word = kind << 29 | (len(payload) if length is None else length)
    return struct.pack("<II", _MAGIC, word) + payload + bytes(-len(payload) % 4)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field of a protobuf message, shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def _record(name: str, value: bytes) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, value))


def _tensor(values: list[float], keys: list[int] | None = None, shape: list[int] | None = None) -> bytes:
    """A value that holds a float32 tensor."""
    parts = _field(1, np.array(values, dtype="<f4").tobytes()) if values else b""
    parts += _field(2, bytes(keys)) if keys else b""
    parts += _field(3, bytes(shape)) if shape else b""
    return _field(2, parts)


def _body(row: list[float]) -> bytes:
    return _frame(_record("values", _tensor(row)))


@pytest.mark.parametrize(
    ("written", "matrix"),
    [
        pytest.param(_FLOAT32, _DENSE, id="float32"),
        pytest.param(_FLOAT64_WITH_LABELS, _DENSE, id="float64 with labels, which are passed over"),
        pytest.param(_INT32, [[1, -2, 3], [4, 5, 6]], id="int32"),
    ],
)
def test_records_of_the_toolkit_are_read(written: str, matrix: list[list[float]]) -> None:
    read = read_features(base64.b64decode(written))
    assert isinstance(read, np.ndarray)
    np.testing.assert_array_equal(read, np.array(matrix))


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        pytest.param(base64.b64decode(_FLOAT32), [[1.5, -2.0, 3.25, np.nan], [4, 5, 6, np.nan]], id="fewer columns"),
        pytest.param(
            base64.b64decode(_SPARSE),
            [[np.nan, 1.5, np.nan, 2], [np.nan] * 4, [7, np.nan, np.nan, 0.25]],
            id="sparse, what is not written is missing",
        ),
        pytest.param(
            b"".join(_body(row) for row in FEATURES[:20].tolist()), FEATURES[:20].astype(np.float32), id="many records"
        ),
        pytest.param(_body([1, np.nan, 3, 4]), [[1, np.nan, 3, 4]], id="nan is missing"),
        pytest.param(
            _frame(_record("values", _tensor([1, 2, 3, 4]))[:10], _BEGIN)
            + _frame(_record("values", _tensor([1, 2, 3, 4]))[10:20], _MIDDLE)
            + _frame(_record("values", _tensor([1, 2, 3, 4]))[20:], _END),
            [[1, 2, 3, 4]],
            id="a record in three frames",
        ),
    ],
)
def test_records_are_predicted_as_when_asked_directly(
    app_of: Apps, logistic: xgboost.Booster, body: bytes, rows: Any
) -> None:
    answer = ask(app_of(logistic), body, TYPE)
    assert (answer.status, answer.body) == (200, asked_directly(logistic, np.array(rows)))


_GOOD = _body([1, 2, 3, 4])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"1,2,3,4\n5,6,7,8\n", "record 1 does not start with the RecordIO magic", id="CSV"),
        pytest.param(_GOOD + b"\x0a\x23", "record 2 does not have a valid RecordIO header", id="half a header"),
        pytest.param(_GOOD[:-4], "record 1 has 28 bytes, its RecordIO header says 32", id="cut off"),
        pytest.param(
            _frame(b"", length=2**29 - 1), "its RecordIO header says 536870911", id="a length beyond the body"
        ),
        pytest.param(_frame(b"\xff\xff"), "record 1 contains a corrupt RecordIO-protobuf message", id="no protobuf"),
        pytest.param(_frame(b""), "record 1 has no feature 'values'", id="an empty record"),
        pytest.param(_frame(_record("x", _tensor([1]))), "record 1 has no feature 'values'", id="another feature"),
        pytest.param(
            _frame(_record("values", _field(9, b""))), "'values' of record 1 has an unsupported data type", id="bytes"
        ),
        pytest.param(
            _frame(_record("values", _tensor([1], [0]))), "record 1 has no shape specified", id="sparse without shape"
        ),
        pytest.param(
            _frame(_record("values", _tensor([1, 2], [0], [4]))), "1 keys for 2 values", id="more values than keys"
        ),
        pytest.param(_frame(_record("values", _tensor([1], [4], [4]))), "a key beyond its shape", id="key too large"),
        pytest.param(
            _GOOD + _body([1, 2]), "record 2 is a dense float32_tensor of shape (2,), while the first", id="ragged"
        ),
        pytest.param(
            _GOOD + _frame(_record("values", _tensor([1], [0], [4]))), "record 2 is a sparse", id="dense, then sparse"
        ),
        pytest.param(_frame(b"x", _END), "does not follow the one before it", id="an end without a beginning"),
        pytest.param(_frame(b"x", _BEGIN), "its last frame is missing", id="a beginning without an end"),
        pytest.param(_body([1, 2, 3, np.inf]), "Input data contains `inf`", id="infinite"),
        pytest.param(
            _frame(_record("values", _tensor([1, 2], None, [1, 2]))), "2-dimensional matrix", id="a tensor of rank 2"
        ),
    ],
)
def test_a_body_that_is_not_recordio_is_refused_with_415(
    app_of: Apps, logistic: xgboost.Booster, body: bytes, said: str
) -> None:
    answer = ask(app_of(logistic), body, TYPE)
    assert answer.status == 415
    text = answer.body.decode()
    assert text.startswith(
        "Loading recordio-protobuf data failed with Exception, please ensure data is in recordio-protobuf format: <class"
    )
    assert said in text


def _rows(body: bytes) -> Any:
    features = read_features(body)
    return features if isinstance(features, np.ndarray) else features.toarray()


@given(st.binary(max_size=60))
def test_any_damage_is_read_or_refused(noise: bytes) -> None:
    for body in (noise, _GOOD + noise, _GOOD[:8] + noise, _frame(noise)):
        with contextlib.suppress(RecordIOError):
            assert len(_rows(body)) >= 1


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=3, max_size=3), min_size=1, max_size=5))
def test_records_that_are_alike_are_read_as_others_are(rows: list[list[float]]) -> None:
    alike = b"".join(_body(row) for row in rows)
    with_labels = b"".join(
        _frame(_record("values", _tensor(row)) + _field(2, _field(1, b"values") + _field(2, _tensor([number]))))
        for number, row in enumerate(rows)
    )
    np.testing.assert_array_equal(_rows(alike), np.array(rows, dtype=np.float32))
    np.testing.assert_array_equal(_rows(with_labels), np.array(rows, dtype=np.float32))


def test_more_columns_than_features_are_refused_with_400(app_of: Apps, logistic: xgboost.Booster) -> None:
    answer = ask(app_of(logistic), _body([1, 2, 3, 4, 5]), TYPE)
    assert answer.status == 400
    assert b"Number of columns does not match number of features" in answer.body


def test_selected_columns_are_labels_of_records(app_of: Apps) -> None:
    booster = train("multi:softprob")
    app = app_of(booster, SAGEMAKER_INFERENCE_OUTPUT="predicted_label,probabilities,predicted_score")
    answer = ask(app, _GOOD * 2, TYPE, accept=TYPE)
    assert (answer.status, answer.content_type) == (200, TYPE)
    scores = booster.predict(xgboost.DMatrix(np.array([[1, 2, 3, 4]]), nthread=1))[0]
    labels = {
        "predicted_label": int(scores.argmax()),
        "probabilities": scores.tolist(),
        "predicted_score": float("nan"),
    }
    assert answer.body == write_labels([labels, labels])


def test_a_label_is_framed_as_the_toolkit_frames_it() -> None:
    written = write_labels([{"score": 0.5}, {"scores": [0.25, 0.75]}])
    one = _field(2, _field(1, b"score") + _field(2, _tensor([0.5])))
    two = _field(2, _field(1, b"scores") + _field(2, _tensor([0.25, 0.75])))
    assert written == _frame(one) + _frame(two)
