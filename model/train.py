"""`python -m model.train`: makes the churn table, the model and its archive again, and prints how good the model is.

xgboost trains with the workshop's hyperparameters, in about a second, with the same result each time.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import xgboost
from sklearn.metrics import precision_score, recall_score

from model.archive import pack, unpack
from model.table import FEATURES, Customer, Split, batch_input_csv, churn_table, features, labels, split, truth_csv

HERE = Path(__file__).parent

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


def main(folder: Path = HERE) -> None:
    customers = split(churn_table())
    booster = train(customers.learned)
    _write_archive(folder / "model.tar.gz", model_bytes(booster))
    (folder / "batch_input.csv").write_text(batch_input_csv(customers.held_out), newline="\n")
    (folder / "truth.csv").write_text(truth_csv(customers.held_out), newline="\n")
    print(_quality(booster, customers))


def _write_archive(path: Path, model: bytes) -> None:
    """Write the archive only if the model in it has changed, because zlib's versions compress the same bytes differently."""
    # An archive that `pack` did not make, or a file that is not an archive, is replaced.
    with suppress(OSError, EOFError, KeyError, ValueError, tarfile.TarError, zlib.error):
        if unpack(path.read_bytes()) == model:
            return
    path.write_bytes(pack(model))


def _quality(booster: xgboost.Booster, customers: Split) -> str:
    probabilities = booster.inplace_predict(features(customers.held_out), validate_features=False)
    predicted, left = probabilities > 0.5, labels(customers.held_out) == 1
    return (
        f"learned from {len(customers.learned)} customers, held out {len(customers.held_out)}, of whom {int(left.sum())} left; "
        f"at a threshold of 0.5 precision {precision_score(left, predicted):.3f}, recall {recall_score(left, predicted):.3f}"
    )


def train(customers: Sequence[Customer]) -> xgboost.Booster:
    data = xgboost.DMatrix(features(customers), label=labels(customers), feature_names=FEATURES, nthread=1)
    return xgboost.train(HYPERPARAMETERS, data, num_boost_round=ROUNDS)


def model_bytes(booster: xgboost.Booster) -> bytes:
    """Return the model in xgboost's own binary JSON, which, unlike a pickle, runs no code when it is read."""
    return bytes(booster.save_raw(raw_format="ubj"))


if __name__ == "__main__":
    main()
