"""`python -m model`: makes the churn table, the model and its archive again, and prints how good the model is."""

from __future__ import annotations

import tarfile
from pathlib import Path

import xgboost

from model.archive import pack, unpack
from model.features import Split, batch_input_csv, features, labels, split, truth_csv
from model.table import churn_table
from model.train import model_bytes, train

HERE = Path(__file__).parent


def main(folder: Path = HERE) -> None:
    customers = split(churn_table())
    booster = train(customers.learned)
    _write_archive(folder / "model.tar.gz", model_bytes(booster))
    (folder / "batch_input.csv").write_text(batch_input_csv(customers.held_out), newline="\n")
    (folder / "truth.csv").write_text(truth_csv(customers.held_out), newline="\n")
    print(_quality(booster, customers))


def _write_archive(path: Path, model: bytes) -> None:
    """Write the archive only if the model in it has changed, because zlib's versions compress the same bytes differently."""
    if not path.exists() or _packed(path) != model:
        path.write_bytes(pack(model))


def _packed(path: Path) -> bytes | None:
    try:
        return unpack(path.read_bytes())
    except (OSError, EOFError, KeyError, ValueError, tarfile.TarError):
        return None  # not an archive that `pack` made, so it is replaced


def _quality(booster: xgboost.Booster, customers: Split) -> str:
    probabilities = booster.inplace_predict(features(customers.held_out), validate_features=False)
    predicted, left = probabilities > 0.5, labels(customers.held_out) == 1
    hits = int((predicted & left).sum())
    return (
        f"learned from {len(customers.learned)} customers, held out {len(customers.held_out)}, of whom {int(left.sum())} "
        f"left; at a threshold of 0.5 precision {hits / int(predicted.sum()):.3f}, recall {hits / int(left.sum()):.3f}"
    )


if __name__ == "__main__":
    main()
