"""Selectable inference: the columns that SAGEMAKER_INFERENCE_OUTPUT names, instead of the plain prediction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from localcloud.containers.xgboost import media
from localcloud.containers.xgboost.model import Model
from localcloud.containers.xgboost.recordio import write_labels
from localcloud.containers.xgboost.wire import Answer

_REGRESSIONS: Final = ("reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie")
_SCORES: Final = ("predicted_label", "labels", "raw_score", "raw_scores")
_PROBABILITIES: Final = ("probability", "probabilities")
# Which keys mean something for an objective; the others come out as nan.
_VALID: Final[dict[str, frozenset[str]]] = {
    **{name: frozenset({"predicted_score"}) for name in _REGRESSIONS},
    "binary:logistic": frozenset({*_SCORES, *_PROBABILITIES}),
    "binary:logitraw": frozenset(_SCORES),
    "binary:hinge": frozenset(_SCORES),
    "multi:softmax": frozenset(_SCORES),
    "multi:softprob": frozenset({*_SCORES, *_PROBABILITIES}),
}
# The image fills a record in this order, whatever order was asked for; JSON shows it.
_ORDER: Final = (
    "predicted_label",
    "labels",
    "probability",
    "probabilities",
    "raw_score",
    "raw_scores",
    "predicted_score",
)
_Record = dict[str, Any]
_Prediction = Any  # a number of numpy's, or an array of them where the model answers with one for each class


def answer(
    predictions: npt.NDArray[np.float32], keys: Sequence[str], model: Model, accept: str, *, batch: bool
) -> Answer:
    try:
        records = _records(predictions, keys, model)
        text = _encode(records, keys, accept, batch=batch)
    except Exception as error:  # noqa: BLE001  the image answers with the text of whatever went wrong
        return Answer(500, str(error).encode())
    return Answer(200, text, f"{accept}; charset=utf-8" if accept.startswith("text/") else accept)


def _records(predictions: npt.NDArray[np.float32], keys: Sequence[str], model: Model) -> list[_Record]:
    if model.objective not in _VALID:
        raise ValueError(f"Objective `{model.objective}` unsupported for selectable inference predictions.")
    valid = [key for key in _ORDER if key in keys and key in _VALID[model.objective]]
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


_VALUES: Final[dict[str, Callable[[_Prediction, Model], Any]]] = {
    "predicted_label": _predicted_label,
    "labels": _labels,
    "probability": _likeliest,
    "probabilities": _each_class,
    "raw_score": _likeliest,
    "raw_scores": _each_class,
    "predicted_score": lambda prediction, _: prediction.item(),
}


def _encode(records: Sequence[_Record], keys: Sequence[str], accept: str, *, batch: bool) -> bytes:
    if accept == media.JSON:
        return json.dumps({"predictions": records}).encode()
    if accept == media.JSON_LINES:
        return "".join(json.dumps(record) + "\n" for record in records).encode()
    if accept == media.CSV:
        return ("\n".join(_csv_line(record[key] for key in keys) for record in records) + "\n" * batch).encode()
    if accept == media.RECORDIO_PROTOBUF:
        return write_labels(records)
    raise ValueError(f"Cannot encode selected predictions into accept type '{accept}'.")


def _csv_line(values: Iterable[Any]) -> str:
    return ",".join(f'"{value}"' if isinstance(value, list) else str(value) for value in values)
