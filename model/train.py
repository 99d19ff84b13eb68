"""Trains the model: xgboost with the workshop's hyperparameters, in about a second, with the same result each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import xgboost

from model.features import FEATURES, features, labels
from model.table import Customer

ROUNDS: Final = 100
HYPERPARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary:logistic",
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 1,
    "min_child_weight": 6,
    "subsample": 0.8,
    "seed": 0,
    "nthread": 1,  # floats are added in one order, which gives the same model each time
}


def train(customers: Sequence[Customer]) -> xgboost.Booster:
    data = xgboost.DMatrix(features(customers), label=labels(customers), feature_names=list(FEATURES), nthread=1)
    return xgboost.train(HYPERPARAMETERS, data, num_boost_round=ROUNDS)


def model_bytes(booster: xgboost.Booster) -> bytes:
    """The model in xgboost's own binary JSON, which, unlike a pickle, runs no code when it is read."""
    return bytes(booster.save_raw(raw_format="ubj"))
