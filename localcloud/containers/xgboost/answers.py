"""Writes predictions as the image does: plain, or the columns that SAGEMAKER_INFERENCE_OUTPUT names.

AWS calls the latter selectable inference.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from localcloud.containers.xgboost.media import CSV, JSON, JSON_LINES, RECORDIO_PROTOBUF
from localcloud.containers.xgboost.model import Model
from localcloud.containers.xgboost.recordio import write_labels
from localcloud.containers.xgboost.wire import Answer

# Within these bounds Python and orjson write the shortest decimal that gives the same number in the same way.
_SMALLEST_PLAIN: Final = 1e-4
_SMALLEST_LARGE: Final = 1e16
_REGRESSIONS: Final = ("reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie")
_SCORES: Final = ("predicted_label", "labels", "raw_score", "raw_scores")
_PROBABILITIES: Final = ("probability", "probabilities")
# The keys that are valid for an objective; others are written as nan.
_VALID: Final[dict[str, frozenset[str]]] = {
    **{name: frozenset({"predicted_score"}) for name in _REGRESSIONS},
    "binary:logistic": frozenset({*_SCORES, *_PROBABILITIES}),
    "binary:logitraw": frozenset(_SCORES),
    "binary:hinge": frozenset(_SCORES),
    "multi:softmax": frozenset(_SCORES),
    "multi:softprob": frozenset({*_SCORES, *_PROBABILITIES}),
}
_Record = dict[str, Any]
_Prediction = Any  # a number of numpy's, or an array of them where the model answers with one for each class


class NoEncoder(Exception):  # noqa: N818  not an error but the image's own gap
    """The image cannot write plain predictions in this type."""


def batch_text(predictions: npt.NDArray[np.float32]) -> bytes:
    """A line for each record: `str` of its prediction as a Python float, or of the list of its predictions."""
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
    """The image's answer outside of batch transform.

    Raises:
        NoEncoder: the image cannot write plain predictions in the accepted type.
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


def selected(
    predictions: npt.NDArray[np.float32], keys: Sequence[str], model: Model, accept: str, *, batch: bool
) -> Answer:
    """The answer of selectable inference; status 500 with the error's text if it cannot be written.

    Args:
        predictions: the model's predictions, one element or row for each record.
        keys: the keys that SAGEMAKER_INFERENCE_OUTPUT names.
        model: its objective decides about the keys that are valid.
        accept: the media type of the answer.
        batch: whether it serves a transform job, so that CSV ends with a newline.
    """
    try:
        records = _records(predictions, keys, model)
        text = _selected_text(records, keys, accept, batch=batch)
    except Exception as error:  # noqa: BLE001  the image answers with the text of whatever went wrong
        return Answer(500, str(error).encode())
    return Answer(200, text, f"{accept}; charset=utf-8" if accept.startswith("text/") else accept)


def _records(predictions: npt.NDArray[np.float32], keys: Sequence[str], model: Model) -> list[_Record]:
    if model.objective not in _VALID:
        raise ValueError(f"Objective `{model.objective}` unsupported for selectable inference predictions.")
    valid = [key for key in _VALUES if key in keys and key in _VALID[model.objective]]
    invalid = [key for key in dict.fromkeys(keys) if key not in valid]
    return [
        {key: _VALUES[key](prediction, model) for key in valid} | dict.fromkeys(invalid, np.nan)
        for prediction in predictions
    ]


def _predicted_label(prediction: _Prediction, model: Model) -> float:
    if model.objective == "binary:logistic":
        return int(prediction > 0.5)
    if model.objective == "binary:logitraw":
        return int(prediction > 0)
    if model.objective == "multi:softprob":
        return int(np.argmax(prediction))
    return prediction.item()


def _labels(_: _Prediction, model: Model) -> list[int] | float:
    if model.objective.startswith("binary:"):
        return [0, 1]
    return list(range(model.classes)) if model.classes else np.nan


def _likeliest(prediction: _Prediction, model: Model) -> float:
    return max(prediction).item() if model.objective == "multi:softprob" else prediction.item()


def _each_class(prediction: _Prediction, model: Model) -> list[float]:
    if model.objective == "multi:softprob":
        return prediction.tolist()
    second = prediction.item()
    return [1.0 - second, second]


# The image fills a record in this order, whatever the order of the keys; JSON shows it.
_VALUES: Final[dict[str, Callable[[_Prediction, Model], Any]]] = {
    "predicted_label": _predicted_label,
    "labels": _labels,
    "probability": _likeliest,
    "probabilities": _each_class,
    "raw_score": _likeliest,
    "raw_scores": _each_class,
    "predicted_score": lambda prediction, _: prediction.item(),
}


def _selected_text(records: Sequence[_Record], keys: Sequence[str], accept: str, *, batch: bool) -> bytes:
    if accept == JSON:
        return json.dumps({"predictions": records}).encode()
    if accept == JSON_LINES:
        return "".join(json.dumps(record) + "\n" for record in records).encode()
    if accept == CSV:
        return ("\n".join(_csv_line(record[key] for key in keys) for record in records) + "\n" * batch).encode()
    if accept == RECORDIO_PROTOBUF:
        return write_labels(records)
    raise ValueError(f"Cannot encode selected predictions into accept type '{accept}'.")


def _csv_line(values: Iterable[Any]) -> str:
    return ",".join(f'"{value}"' if isinstance(value, list) else str(value) for value in values)
