"""A job's model, asked directly: the columns that drive its predictions, and rows one at a time."""

from __future__ import annotations

import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from tests.workshop.conftest import Stack
from workshop import model, stack
from workshop.stack import WorkshopError

ARCHIVE = stack.PROJECT_FOLDER / "model" / "model.tar.gz"
INPUT = stack.PROJECT_FOLDER / "model" / "batch_input.csv"


def packed(name: str, body: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(body)
        archive.addfile(entry, io.BytesIO(body))
    return sink.getvalue()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(INPUT, header=None).head(50)


def test_contributions_and_the_base_value_add_up_to_the_prediction(rows: pd.DataFrame) -> None:
    booster = model.booster_in(ARCHIVE.read_bytes())
    matrix = xgboost.DMatrix(rows.to_numpy(np.float32))
    margin = booster.predict(matrix, output_margin=True, validate_features=False)
    base = booster.predict(matrix, pred_contribs=True, validate_features=False)[:, -1]
    assert model.contributions(booster, rows).sum(axis=1).to_numpy() + base == pytest.approx(margin, abs=1e-4)


def test_the_column_that_moves_predictions_most_comes_first() -> None:
    values = np.random.default_rng(7).normal(size=(200, 3))
    matrix = xgboost.DMatrix(values, 3 * values[:, 1] + values[:, 2])
    booster = xgboost.train({"nthread": 1}, matrix, num_boost_round=10)
    ranked = model.ranked(model.contributions(booster, pd.DataFrame(values, columns=["a", "b", "c"])))
    assert list(ranked.index) == ["b", "c", "a"]


def test_a_model_of_several_classes_has_one_size_for_each_column() -> None:
    values = np.random.default_rng(7).normal(size=(90, 2))
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(values, np.arange(90) % 3), num_boost_round=2)
    assert model.contributions(booster, pd.DataFrame(values)).shape == (90, 2)


def damaged(archive: bytes) -> bytes:
    """The same archive with a block of deflate's reserved type in its middle."""
    return archive[: len(archive) // 2] + b"\xff" * 4000


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        pytest.param(b"no archive", "the model archive cannot be read", id="no archive"),
        pytest.param(damaged(ARCHIVE.read_bytes()), "the model archive", id="a damaged archive"),
        pytest.param(packed("model.joblib", b"anything"), "no model that XGBoost saved", id="another model"),
        pytest.param(packed("xgboost-model", pickle.dumps({"a": 1})), "no model that XGBoost saved", id="a pickle"),
    ],
)
def test_the_model_of_another_library_gives_no_contributions(archive: bytes, words: str) -> None:
    with pytest.raises(WorkshopError, match=words):
        model.booster_in(archive)


def test_a_model_with_another_number_of_columns_gives_no_contributions(rows: pd.DataFrame) -> None:
    with pytest.raises(WorkshopError, match="the model expects 18 columns, and the job sent 17"):
        model.contributions(model.booster_in(ARCHIVE.read_bytes()), rows.iloc[:, 1:])


def test_the_model_is_the_one_that_the_job_asked(a_stack: Stack) -> None:
    a_stack.model("own", ARCHIVE.read_bytes())
    assert model.booster_of("own", a_stack.sagemaker, a_stack.s3).num_features() == 18


def test_a_model_that_is_gone_gives_no_contributions(a_stack: Stack) -> None:
    with pytest.raises(WorkshopError, match="the archive of gone is not available"):
        model.booster_of("gone", a_stack.sagemaker, a_stack.s3)


def test_only_the_columns_that_the_filter_keeps_are_sent() -> None:
    inputs = pd.DataFrame({"id": ["a"], "x": [1], "y": [2.5]})
    assert list(model.sent(inputs, "$[1:]")) == ["x", "y"]
    with pytest.raises(WorkshopError, match="the column id is text"):
        model.sent(inputs, "$")
    with pytest.raises(WorkshopError, match=r"not known which columns the filter \$\.x keeps"):
        model.sent(inputs, "$.x")


def test_a_pickle_runs_no_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "ran",)

    with pytest.raises(WorkshopError):
        model.booster_in(packed("xgboost-model", pickle.dumps(Trap())))
    assert not (tmp_path / "ran").exists()


class Model(BaseHTTPRequestHandler):
    """Answers with the row it was asked, or refuses the word `bad`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        row = self.rfile.read(int(self.headers["Content-Length"]))
        good = self.path == "/invocations" and self.headers["Content-Type"] == "text/csv" and row != b"bad"
        body = row + b"\n" if good else b"could not convert"
        self.send_response(200 if good else 415)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that http.server uses
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_each_row_is_a_request_of_its_own(url: str) -> None:
    ask = model.over_http(url)
    assert [ask(row) for row in ("1,2", "3,4")] == ["1,2\n", "3,4\n"]


def test_answers_are_compared_with_the_batch_result_as_text(url: str) -> None:
    found = model.asked(["1,2", "3,4"], ["1,2", "3,40"], model.over_http(url))
    assert (found.count, found.equal) == (2, 1)


def test_a_refusal_is_reported_with_what_the_container_says(url: str) -> None:
    with pytest.raises(RuntimeError, match="answered 415: could not convert"):
        model.over_http(url)("bad")


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "https://127.0.0.1:8080", "http://", ""])
def test_an_address_that_is_not_a_containers_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="use http://host:port"):
        model.over_http(address)
