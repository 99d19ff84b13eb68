"""Predictions as the text that the image writes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from localcloud.containers.xgboost.media import CSV, JSON

# Within these bounds the shortest decimal that reads back the same is written alike by Python and by orjson.
_SMALLEST_PLAIN: Final = 1e-4
_SMALLEST_LARGE: Final = 1e16


class NoEncoder(Exception):  # noqa: N818  not an error but the image's own gap
    """The image has no way to write plain predictions in this type."""


def batch_text(predictions: npt.NDArray[np.float32]) -> bytes:
    """One line a record: `str` of a Python float, widened from the model's; of a list, where a record has several."""
    values = predictions.astype(np.float64)
    if values.ndim == 0:
        raise TypeError("'float' object is not iterable")
    if not _plainly_written(values):
        return _python_text(values)
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    if values.ndim == 1:
        return text[1:-1].replace(b",", b"\n") + b"\n"
    return text[1:-1].replace(b",", b", ").replace(b"], [", b"]\n[") + b"\n"


def realtime_text(predictions: npt.NDArray[np.float32], accept: str) -> bytes:
    """What the image answers outside of batch transform.

    Raises:
        NoEncoder: it writes no plain predictions in the accepted type.
    """
    if accept == JSON:
        return json.dumps({"predictions": [{"score": score} for score in predictions.tolist()]}).encode()
    if accept == CSV:
        return _csv_text(predictions)
    raise NoEncoder(accept)


def _plainly_written(values: npt.NDArray[np.float64]) -> bool:
    size = np.abs(values)
    return bool((((size >= _SMALLEST_PLAIN) & (size < _SMALLEST_LARGE)) | (size == 0)).all())


def _python_text(values: npt.NDArray[np.float64]) -> bytes:
    return ("\n".join(map(str, values.tolist())) + "\n").encode()


def _csv_text(predictions: npt.NDArray[np.float32]) -> bytes:
    rows: list[Any] = predictions.astype(np.float64).reshape(len(predictions), -1).tolist()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
