"""Small models of every objective, and a way to call the container without HTTP."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from localcloud.containers.xgboost.server import App
from localcloud.containers.xgboost.wire import Answer, Request

FEATURES = np.random.default_rng(0).normal(size=(200, 4)).round(3)
_YES = (FEATURES[:, 0] + FEATURES[:, 1] > 0).astype(int)
_CLASS = np.clip((FEATURES[:, 0] + 1.5).astype(int), 0, 2)
_AMOUNT = np.abs(FEATURES[:, 0]) + 0.1
_LABELS: dict[str, npt.NDArray[Any]] = {
    "multi:softmax": _CLASS,
    "multi:softprob": _CLASS,
    "reg:gamma": _AMOUNT,
    "reg:tweedie": _AMOUNT,
    "reg:squarederror": _AMOUNT,
    "reg:absoluteerror": _AMOUNT,
}

Apps = Callable[..., App]


@functools.cache
def train(objective: str, *, scale: float = 1.0, seed: int = 0, **parameters: Any) -> xgboost.Booster:
    classes = {"num_class": 3} if objective.startswith("multi:") else {}
    settings = {"objective": objective, "max_depth": 2, "nthread": 1, "seed": seed, "subsample": 0.7, **classes}
    data = xgboost.DMatrix(FEATURES, label=_LABELS.get(objective, _YES) * scale, nthread=1)
    return xgboost.train({**settings, **parameters}, data, num_boost_round=5)


def model_folder(folder: Path, *boosters: xgboost.Booster) -> Path:
    folder.mkdir(exist_ok=True)
    for number, booster in enumerate(boosters):
        (folder / f"xgboost-model-{number}").write_bytes(bytes(booster.save_raw("ubj")))
    return folder


def ask(app: App, body: bytes, content_type: str | None = "text/csv", accept: str | None = None) -> Answer:
    headers: Mapping[str, str | None] = {"content-type": content_type, "accept": accept}
    return app(Request("POST", "/invocations", {k: v for k, v in headers.items() if v is not None}, body))


def csv_of(rows: npt.NDArray[np.float64], delimiter: str = ",") -> bytes:
    return "\n".join(delimiter.join(str(value) for value in row) for row in rows.tolist()).encode()


def asked_directly(booster: xgboost.Booster, rows: npt.NDArray[np.float64]) -> bytes:
    """What the model gives when it is asked directly, one line a record."""
    predictions = booster.predict(xgboost.DMatrix(rows, nthread=1))
    return ("\n".join(str(prediction) for prediction in predictions.tolist()) + "\n").encode()
