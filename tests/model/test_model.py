"""The committed files under model/ are those that `python -m model.train` makes."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from model.archive import pack, unpack
from model.table import (
    FEATURES,
    Customer,
    batch_input_csv,
    churn_probability,
    churn_table,
    features,
    labels,
    split,
    truth_csv,
)
from model.train import HERE, main, train


@pytest.fixture(scope="module")
def customers() -> list[Customer]:
    return churn_table()


def _committed_model() -> xgboost.Booster:
    return xgboost.Booster(model_file=bytearray(unpack((HERE / "model.tar.gz").read_bytes())))


def test_the_committed_files_are_made_from_the_table(customers: list[Customer]) -> None:
    held_out = split(customers).held_out
    assert (HERE / "batch_input.csv").read_text() == batch_input_csv(held_out)
    assert (HERE / "truth.csv").read_text() == truth_csv(held_out)


def test_training_again_gives_the_predictions_of_the_committed_model(customers: list[Customer]) -> None:
    learned, held_out = split(customers)
    anew = train(learned).inplace_predict(features(held_out), validate_features=False)
    committed = _committed_model().inplace_predict(features(held_out), validate_features=False)
    np.testing.assert_allclose(anew, committed, rtol=1e-5)


def test_making_the_model_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    main(tmp_path)
    assert first == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(first) == ["batch_input.csv", "model.tar.gz", "truth.csv"]
    assert "precision" in capsys.readouterr().out


def test_a_damaged_archive_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    main(tmp_path)
    assert unpack((tmp_path / "model.tar.gz").read_bytes())


def test_the_model_is_good_but_not_perfect(customers: list[Customer]) -> None:
    held_out = split(customers).held_out
    predicted = _committed_model().inplace_predict(features(held_out), validate_features=False) > 0.5
    left = labels(held_out) == 1
    hits = (predicted & left).sum()
    assert 0.85 <= hits / predicted.sum() <= 0.95
    assert 0.65 <= hits / left.sum() <= 0.85


def test_the_batch_input_has_numbers_only_and_the_truth_names_each_row() -> None:
    rows = list(csv.reader(io.StringIO((HERE / "batch_input.csv").read_text())))
    truth = list(csv.DictReader(io.StringIO((HERE / "truth.csv").read_text())))
    assert [len(row) for row in rows] == [len(FEATURES)] * len(truth)
    assert [row["row"] for row in truth] == [str(number) for number in range(1, len(rows) + 1)]
    assert [[row[name] for name in FEATURES] for row in truth] == rows
    assert all(np.isfinite(float(value)) for row in rows for value in row)


def test_the_archive_holds_one_file_and_no_trace_of_its_maker() -> None:
    with tarfile.open(HERE / "model.tar.gz") as tar:
        (member,) = tar.getmembers()
    assert (member.name, member.mtime, member.uid, member.gid, member.uname) == ("xgboost-model", 0, 0, 0, "")


def test_an_archive_is_the_same_bytes_for_the_same_model() -> None:
    assert pack(b"model") == pack(b"model")
    assert unpack(pack(b"model")) == b"model"


def test_what_is_committed_is_small() -> None:
    assert sum((HERE / name).stat().st_size for name in ("model.tar.gz", "batch_input.csv", "truth.csv")) < 300_000


def test_about_one_customer_in_seven_leaves(customers: list[Customer]) -> None:
    assert 0.13 < sum(customer.churn for customer in customers) / len(customers) < 0.16


def test_a_charge_is_its_minutes_times_a_rate(customers: list[Customer]) -> None:
    for customer in customers:
        assert customer.total_day_charge == pytest.approx(customer.total_day_minutes * 0.17, abs=0.006)
        assert customer.total_intl_charge == pytest.approx(customer.total_intl_minutes * 0.27, abs=0.006)


_CONTENT = churn_table(1)[0]._replace(
    customer_service_calls=1,
    international_plan=0,
    voice_mail_plan=1,
    total_day_minutes=150.0,
    total_day_charge=25.5,
    total_eve_charge=17.0,
)


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param({"customer_service_calls": 4}, id="calls customer service"),
        pytest.param({"international_plan": 1, "total_intl_calls": 1}, id="international plan"),
        pytest.param({"voice_mail_plan": 0, "total_day_charge": 50.0}, id="talks a lot by day"),
    ],
)
def test_a_reason_to_leave_makes_leaving_likely(reason: dict[str, float]) -> None:
    assert churn_probability(_CONTENT) < 0.05
    assert churn_probability(_CONTENT._replace(**reason)) > 0.5  # pyright: ignore[reportArgumentType]  names vary by case
