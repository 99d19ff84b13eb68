"""The XGBoost container's answers in each format, as the image's own code gave them for the same requests."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import xgboost

from localcloud.containers.xgboost.wire import Request
from tests.localcloud.containers.xgboost.support import FEATURES, Apps, ask, asked_directly, csv_of, train

ROWS = FEATURES[:20]
CSV = csv_of(ROWS)
_CSV_REFUSED = "Loading csv data failed with Exception, please ensure data is in csv format:\n "


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(name, id=name)
        for name in (
            "binary:logistic",
            "binary:logitraw",
            "binary:hinge",
            "multi:softmax",
            "multi:softprob",
            "reg:squarederror",
            "reg:absoluteerror",
            "reg:gamma",
            "reg:tweedie",
            "reg:logistic",
            "count:poisson",
            "rank:pairwise",
        )
    ],
)
def test_each_line_is_the_models_own_prediction(app_of: Apps, objective: str) -> None:
    booster = train(objective)
    answer = ask(app_of(booster), CSV)
    assert (answer.status, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert answer.body == asked_directly(booster, ROWS)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"booster": "dart", "rate_drop": 0.5}, id="dart adds its trees in another order"),
        pytest.param({"booster": "gblinear"}, id="linear models have no trees"),
        pytest.param({"scale": 1e-6}, id="small numbers are written with an exponent"),
        pytest.param({"scale": 1e20}, id="large numbers are written with an exponent"),
    ],
)
@pytest.mark.filterwarnings("ignore:(?s).*are not used:UserWarning")
def test_other_boosters_and_sizes_are_written_alike(app_of: Apps, parameters: dict[str, Any]) -> None:
    booster = train("reg:squarederror", **parameters)
    assert ask(app_of(booster), CSV).body == asked_directly(booster, ROWS)


def test_softprob_writes_the_text_of_a_python_list(app_of: Apps) -> None:
    line = ask(app_of(train("multi:softprob")), csv_of(ROWS[:1])).body
    assert re.fullmatch(rb"\[0\.\d+, 0\.\d+, 0\.\d+\]\n", line)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(CSV + b"\n", id="final newline"),
        pytest.param(b"\n" + CSV + b"\n\n", id="blank lines around"),
        pytest.param(CSV.replace(b"\n", b"\r\n") + b"\r\n", id="carriage returns"),
        pytest.param(csv_of(ROWS, "\t"), id="tabs"),
        pytest.param(csv_of(ROWS, ";"), id="semicolons"),
        pytest.param(csv_of(ROWS, " "), id="spaces"),
        pytest.param(csv_of(ROWS, ", "), id="comma and space"),
        pytest.param(csv_of(ROWS + 0.0).replace(b"0.", b"00."), id="leading noughts"),
    ],
)
def test_csv_may_be_written_in_many_ways(app_of: Apps, logistic: xgboost.Booster, body: bytes) -> None:
    assert ask(app_of(logistic), body).body == asked_directly(logistic, ROWS)


@pytest.mark.parametrize(
    ("body", "row"),
    [
        pytest.param(b"1,,,4", [1, np.nan, np.nan, 4], id="empty fields are missing"),
        pytest.param(b"1,nan,NaN,4", [1, np.nan, np.nan, 4], id="so is nan"),
        pytest.param(b"1,2", [1, 2, np.nan, np.nan], id="and so are columns that are not there"),
        pytest.param(b"+1,-2e0,.5,5.", [1, -2, 0.5, 5], id="any notation of a number"),
        pytest.param(b"5", [5, np.nan, np.nan, np.nan], id="a single number"),
        pytest.param(b"1_0,2,3,4", [10, 2, 3, 4], id="even Python's own"),
        pytest.param(b"0.30000000000000004,1,2,3", [0.30000000000000004, 1, 2, 3], id="many digits"),
    ],
)
def test_csv_values_are_read_as_python_reads_them(
    app_of: Apps, logistic: xgboost.Booster, body: bytes, row: list[float]
) -> None:
    assert ask(app_of(logistic), body).body == asked_directly(logistic, np.array([row]))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(
            b"a,b,c,d\n1,2,3,4",
            _CSV_REFUSED + "<class 'ValueError'>\n could not convert string to float: np.str_('a')",
            id="header",
        ),
        pytest.param(
            b'"1","2","3","4"',
            _CSV_REFUSED + "<class 'ValueError'>\n could not convert string to float: np.str_('\"1\"')",
            id="quotes",
        ),
        pytest.param(
            b"1,2,3\n1,2,3,4",
            _CSV_REFUSED + "<class 'ValueError'>\n setting an array element with a sequence. The requested array "
            "has an inhomogeneous shape after 1 dimensions. The detected shape was (2,) + inhomogeneous part.",
            id="ragged",
        ),
        pytest.param(
            b"1,2,3,4\n\n1,2,3,4",
            _CSV_REFUSED + "<class 'ValueError'>\n setting an array element with a sequence. The requested array "
            "has an inhomogeneous shape after 1 dimensions. The detected shape was (3,) + inhomogeneous part.",
            id="blank line within",
        ),
        pytest.param(
            b"\xff,1",
            _CSV_REFUSED + "<class 'UnicodeDecodeError'>\n 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte",
            id="not UTF-8",
        ),
        pytest.param(
            b"1-2,3,4,5",
            _CSV_REFUSED + "<class 'ValueError'>\n could not convert string to float: np.str_('1-2')",
            id="minus within a number",
        ),
    ],
)
def test_a_body_that_is_not_csv_is_refused_with_415(
    app_of: Apps, logistic: xgboost.Booster, body: bytes, said: str
) -> None:
    answer = ask(app_of(logistic), body)
    assert (answer.status, answer.body.decode()) == (415, said)


@pytest.mark.parametrize("body", [pytest.param(b"1,2,3,inf", id="inf"), pytest.param(b"1,2,3,1e39", id="too large")])
def test_infinite_values_are_refused_with_415(app_of: Apps, logistic: xgboost.Booster, body: bytes) -> None:
    answer = ask(app_of(logistic), body)
    assert answer.status == 415
    assert b"Input data contains `inf`" in answer.body


def test_more_columns_than_features_are_refused_with_400(app_of: Apps, logistic: xgboost.Booster) -> None:
    answer = ask(app_of(logistic), b"1,2,3,4,5")
    assert answer.status == 400
    assert answer.body.startswith(b"Unable to evaluate payload provided: ")
    assert b"Number of columns does not match number of features in booster." in answer.body


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        pytest.param("text/csv", 200, id="text/csv"),
        pytest.param("csv", 200, id="short form"),
        pytest.param("TEXT/CSV; charset=utf-8", 200, id="capitals and parameters"),
        pytest.param("text/csv;label_size=1", 200, id="label_size of one"),
        pytest.param("text/csv;label_size=0", 415, id="another label_size"),
        pytest.param("application/json", 415, id="JSON"),
        pytest.param("application/x-parquet", 415, id="Parquet"),
        pytest.param("application/x-recordio-protobuf", 415, id="recordio-protobuf, which CSV is not"),
        pytest.param("application/x-www-form-urlencoded", 204, id="a form loses its body"),
    ],
)
def test_content_types(app_of: Apps, logistic: xgboost.Booster, content_type: str, status: int) -> None:
    assert ask(app_of(logistic), CSV, content_type).status == status


def test_an_unknown_content_type_is_told_the_known_ones(app_of: Apps, logistic: xgboost.Booster) -> None:
    assert ask(app_of(logistic), CSV, "text/plain").body.decode() == (
        "text/plain is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, text/csv, text/libsvm, "
        "text/x-libsvm, application/x-parquet, application/x-recordio-protobuf."
    )


@pytest.mark.parametrize(
    ("body", "row"),
    [
        pytest.param(b"0:1.5 3:2", [1.5, np.nan, np.nan, 2], id="indexes from nought"),
        pytest.param(b"1:1.5 3:2", [np.nan, 1.5, np.nan, 2], id="indexes are taken as given"),
        pytest.param(b"1 0:1.5 3:2", [1.5, np.nan, np.nan, 2], id="label is passed over"),
        pytest.param(b"0:0 1:2", [0, 2, np.nan, np.nan], id="a written nought is a value"),
    ],
)
@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("text/libsvm", id="text/libsvm"),
        pytest.param("text/x-libsvm", id="x"),
        pytest.param(None, id="none"),
    ],
)
def test_libsvm(
    app_of: Apps, logistic: xgboost.Booster, body: bytes, row: list[float], content_type: str | None
) -> None:
    assert ask(app_of(logistic), body, content_type).body == asked_directly(logistic, np.array([row]))


def test_broken_libsvm_is_refused_with_415(app_of: Apps, logistic: xgboost.Booster) -> None:
    answer = ask(app_of(logistic), b"a:1", "text/libsvm")
    assert answer.status == 415
    assert answer.body.startswith(b"Loading libsvm data failed with Exception, please ensure data is in libsvm format:")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        pytest.param(None, "text/csv; charset=utf-8", id="none"),
        pytest.param("*/*", "text/csv; charset=utf-8", id="any"),
        pytest.param("TEXT/CSV; q=0.5", "text/csv; charset=utf-8", id="capitals and parameters"),
        pytest.param("application/json", "application/json", id="JSON is named but not written"),
        pytest.param("application/jsonlines", "application/jsonlines", id="JSON Lines likewise"),
    ],
)
def test_in_batch_the_text_is_the_same_whatever_is_accepted(
    app_of: Apps, logistic: xgboost.Booster, accept: str | None, media_type: str
) -> None:
    answer = ask(app_of(logistic), CSV, accept=accept)
    assert (answer.status, answer.content_type) == (200, media_type)
    assert answer.body == asked_directly(logistic, ROWS)


def test_an_unknown_accept_is_refused_with_406_after_the_body_was_judged(
    app_of: Apps, logistic: xgboost.Booster
) -> None:
    refused = ask(app_of(logistic), CSV, accept="text/plain")
    assert (refused.status, refused.body.decode()) == (
        406,
        (
            "Accept type text/plain is not supported. Please use supported accept types: "
            "['application/json', 'application/jsonlines', 'application/x-recordio-protobuf', 'text/csv']."
        ),
    )
    assert ask(app_of(logistic), b"a,b", accept="text/plain").status == 415


def test_no_accept_takes_the_default_that_the_environment_names(app_of: Apps, logistic: xgboost.Booster) -> None:
    app = app_of(logistic, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json")
    assert ask(app, CSV).content_type == "application/json"


@pytest.mark.parametrize(
    ("environment", "accept", "status"),
    [
        pytest.param("", "text/csv", 200, id="CSV"),
        pytest.param("", "application/json", 200, id="JSON"),
        pytest.param("", "application/jsonlines", 500, id="JSON Lines, for which the image has no encoder"),
    ],
)
def test_outside_of_batch(app_of: Apps, logistic: xgboost.Booster, environment: str, accept: str, status: int) -> None:
    answer = ask(app_of(logistic, SAGEMAKER_BATCH=environment), CSV, accept=accept)
    assert answer.status == status
    lines = asked_directly(logistic, ROWS)
    if accept == "application/json":
        assert json.loads(answer.body) == {"predictions": [{"score": float(line)} for line in lines.split()]}
    elif status == 200:
        assert answer.body == lines


def test_an_ensemble_answers_with_the_average(app_of: Apps, logistic: xgboost.Booster) -> None:
    other = train("binary:logistic", seed=1)
    each = [booster.predict(xgboost.DMatrix(ROWS, nthread=1)) for booster in (logistic, other)]
    expected = "".join(f"{value}\n" for value in np.mean(each, axis=0).tolist()).encode()
    assert ask(app_of(logistic, other), CSV).body == expected


def test_an_ensemble_may_be_turned_off(app_of: Apps, logistic: xgboost.Booster) -> None:
    app = app_of(logistic, train("binary:logistic", seed=1), SAGEMAKER_INFERENCE_ENSEMBLE="false")
    assert ask(app, CSV).body == asked_directly(logistic, ROWS)


@pytest.mark.parametrize(
    "objective", [pytest.param("multi:softmax", id="classes"), pytest.param("binary:hinge", id="hinge")]
)
def test_a_vote_fails_as_it_fails_in_the_image(app_of: Apps, objective: str) -> None:
    assert ask(app_of(train(objective), train(objective, seed=1)), CSV).status == 500


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        pytest.param("GET", "/ping", 200, b"", id="ping"),
        pytest.param(
            "GET",
            "/execution-parameters",
            200,
            b'{"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}',
            id="execution parameters",
        ),
        pytest.param("GET", "/", 404, b"{}", id="elsewhere"),
        pytest.param("POST", "/invocations", 204, b"", id="no body"),
    ],
)
def test_routes(app_of: Apps, logistic: xgboost.Booster, method: str, path: str, status: int, body: bytes) -> None:
    answer = app_of(logistic)(Request(method, path, {"content-type": "text/csv"}, b""))
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        pytest.param(Request("GET", "/invocations", {}, b""), 405, b"", id="method"),
        pytest.param(Request("POST", "/ping", {}, b""), 405, b"", id="posted ping"),
        pytest.param(
            Request("POST", "/invocations", {}, b"", body_too_large=True),
            413,
            b"<p>The data value transmitted exceeds the capacity limit.</p>",
            id="size",
        ),
    ],
)
def test_error_pages(app_of: Apps, logistic: xgboost.Booster, request_: Request, status: int, said: bytes) -> None:
    answer = app_of(logistic)(request_)
    assert answer.status == status
    assert said in answer.body


def test_the_payload_limit_is_reported_in_megabytes(app_of: Apps, logistic: xgboost.Booster) -> None:
    answer = app_of(logistic, MAX_CONTENT_LENGTH="20971520")(Request("GET", "/execution-parameters", {}, b""))
    assert json.loads(answer.body)["MaxPayloadInMB"] == 20
