"""A job's result as a DataFrame: the predictions in S3, beside the scored input and the labels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.workshop.conftest import Stack, lines
from workshop import results
from workshop.stack import WorkshopError

GIVEN = "1,2.5\n3,4.5\n5,6.5\n"
SCORES = [0.9, 0.2, 1e-05]
JOINED = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}


def columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): values for name, values in table.to_dict("list").items()}


def test_a_frame_equals_the_objects_in_s3(a_stack: Stack) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    assert columns(results.frame("risk")) == {
        "input_0": [1, 3, 5],
        "input_1": [2.5, 4.5, 6.5],
        "prediction": SCORES,
    }


def test_columns_carry_the_declared_names_and_the_label_stands_last(a_stack: Stack) -> None:
    path = a_stack.file("truth.csv", "row,left\n1,1\n2,0\n3,0\n")
    labels = {"path": path, "column": "left", "columns": ["age", "label"]}
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    found = results.frame("risk")
    assert list(found) == ["age", "input_label", "prediction", "label"]
    assert list(found["label"]) == [1, 0, 0]


def test_a_result_that_carries_a_key_is_joined_to_its_labels_by_it(a_stack: Stack) -> None:
    path = a_stack.put("truth.csv", "id,left\n007,0\n003,1\n009,1\n001,0\n")
    labels = {"path": path, "column": "left", "columns": ["id", "age"], "key": "id"}
    made = {"in.csv": "001,0.1\n003,0.9\n007,0.2\n"}
    a_stack.ran("risk", {"in.csv": "001,20\n003,30\n007,40\n"}, made, labels=labels, processing=JOINED)
    assert columns(results.frame("risk")) == {
        "id": ["001", "003", "007"],
        "age": [20, 30, 40],
        "prediction": [0.1, 0.9, 0.2],
        "label": [0, 1, 0],
    }


@pytest.mark.parametrize(
    ("column", "text"),
    [
        pytest.param(1.0, "a1,0\na3,1\n", id="labels without a header"),
        pytest.param("left", "id,left\na1,0\na3,1\n", id="labels with a header"),
    ],
)
def test_a_key_may_be_named_by_its_position_in_the_result(a_stack: Stack, column: Any, text: str) -> None:
    labels = {"path": a_stack.file("truth.csv", text), "column": column, "key": 0}
    given = {"in.csv": "a3,1\na1,2\n"}
    a_stack.ran("risk", given, {"in.csv": "a3,0.9\na1,0.1\n"}, labels=labels, processing=JOINED)
    assert list(results.frame("risk")["label"]) == [1, 0]


@pytest.mark.parametrize(
    ("labels", "text", "words"),
    [
        pytest.param({}, "1\n0\n", "has 2 labels, the result has 3 rows", id="fewer labels"),
        pytest.param({}, "1\n0\n1\n0\n", "has 4 labels, the result has 3 rows", id="more labels"),
        pytest.param({}, "1,1\n0,0\n1,1\n", r"has 2 columns: name the one with the labels", id="which column"),
        pytest.param({"column": "left"}, "id,gone\n1,1\n", "has no column 'left'; it has id, gone", id="no such name"),
        pytest.param({"column": 2}, "1,1\n0,0\n1,1\n", "2 columns, and none at position 2", id="no such position"),
        pytest.param({"column": "left", "key": "id"}, "id,left\n1,1\n", "no column 'id'; they have", id="no such key"),
        pytest.param(
            {"column": "left", "columns": ["id", "x"], "key": "id"},
            "id,left\n1,1\n3,0\n",
            "has 2 labels, the result has 3 rows: 1 of them have no label, the first has the key 5",
            id="a key without label",
        ),
        pytest.param(
            {"column": "left", "columns": ["id", "x"], "key": "id"},
            "id,left\n1,1\n1,0\n3,0\n5,1\n",
            "two labels with the key 1",
            id="a key twice",
        ),
    ],
)
def test_labels_that_do_not_match_the_result_are_an_error(
    a_stack: Stack, labels: dict[str, Any], text: str, words: str
) -> None:
    declared = {"path": a_stack.file("truth.csv", text), **labels}
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=declared)
    with pytest.raises(WorkshopError, match=words):
        results.frame("risk")


def test_a_header_above_numbers_is_not_a_label(a_stack: Stack) -> None:
    labels = {"path": a_stack.file("truth.csv", "left\n1\n0\n1\n")}
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    assert list(results.frame("risk")["label"]) == [1, 0, 1]


def test_a_key_that_is_named_is_the_first_column_of_labels_without_names(a_stack: Stack) -> None:
    labels = {"path": a_stack.file("truth.csv", "0,a1\n1,a3\n"), "column": 0, "columns": ["id", "x"], "key": "id"}
    a_stack.ran("risk", {"in.csv": "a3,1\na1,2\n"}, {"in.csv": "0.9\n0.1\n"}, labels=labels)
    assert list(results.frame("risk")["label"]) == [1, 0]


def test_columns_are_named_without_labels_too(a_stack: Stack) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, data={"columns": ["age", "income"]})
    assert list(results.frame("risk")) == ["age", "income", "prediction"]


@pytest.mark.parametrize("path", ["no/such.csv", "s3://stack-data/no/such.csv"])
def test_labels_that_cannot_be_read_are_an_error(a_stack: Stack, path: str) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels={"path": path})
    with pytest.raises(WorkshopError, match="the labels cannot be read"):
        results.frame("risk")


def test_a_folder_names_the_file_of_each_row(a_stack: Stack) -> None:
    given = {"a.csv": "1,2\n", "sub/b.csv": "3,4\n5,6\n"}
    a_stack.ran("risk", given, {"a.csv": "0.1\n", "sub/b.csv": "0.2\n0.3\n"})
    found = results.frame("risk")
    assert list(found["member"]) == ["a.csv", "sub/b.csv", "sub/b.csv"]
    assert list(found["input_0"]) == [1, 3, 5]
    assert list(found["prediction"]) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("fan_out", [{}, {"data": {"fan_out": "region"}}], ids=["by its name", "as it is declared"])
def test_a_fan_out_names_the_job_of_each_row(a_stack: Stack, fan_out: dict[str, Any]) -> None:
    a_stack.ran("region-north", {"n.csv": "1\n"}, {"n.csv": "0.1\n"}, **fan_out)
    a_stack.ran("region-south", {"a.csv": "2\n", "b.csv": "3\n"}, {"a.csv": "0.2\n", "b.csv": "0.3\n"}, **fan_out)
    a_stack.ran("other", {"o.csv": "1\n"}, {"o.csv": "0.1\n"})
    assert columns(results.frame("region")) == {
        "member": ["region-north", "region-south/a.csv", "region-south/b.csv"],
        "input_0": [1, 2, 3],
        "prediction": [0.1, 0.2, 0.3],
    }


def test_an_input_that_is_gone_leaves_the_predictions(a_stack: Stack) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    a_stack.s3.delete_object(Bucket="stack-data", Key="input/risk/in.csv")
    assert columns(results.frame("risk")) == {"prediction": SCORES}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        pytest.param("rusk", {}, "no job or fan-out 'rusk' in the stack; there are risk", id="no such job"),
        pytest.param("risk", {"status": "Failed"}, "risk is Failed: there is a result when", id="not completed"),
        pytest.param("risk", {"result_path": "s3://stack-data/no.out"}, "is not available", id="expired"),
        pytest.param(
            "risk", {"data": {"columns": ["a"]}}, "names 1 columns, but its input has 2", id="names that do not fit"
        ),
        pytest.param("risk", {"job_name": "no"}, "SageMaker cannot describe no", id="no such job at SageMaker"),
    ],
)
def test_a_result_that_is_not_there_is_reported(a_stack: Stack, name: str, change: dict[str, Any], words: str) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, **change)
    with pytest.raises(WorkshopError, match=words):
        results.frame(name)


@pytest.mark.parametrize(
    ("suffix", "read"),
    [pytest.param(".csv", pd.read_csv, id="csv"), pytest.param(".parquet", pd.read_parquet, id="parquet")],
)
def test_a_file_holds_the_whole_frame(a_stack: Stack, tmp_path: Path, suffix: str, read: Any) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    target = tmp_path / "new folder" / f"risk{suffix}"
    assert results.main(["--job", "risk", "--to", str(target)]) == 0
    assert columns(read(target)) == columns(results.frame("risk"))


def test_without_a_file_the_frame_is_printed(a_stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    assert results.main([]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["input_0", "input_1", "prediction"]
    assert len(rows) == len(SCORES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--to", "x.xlsx"], "TO=x.xlsx: the name must end with .csv or .parquet", id="another format"),
        pytest.param([], "name the job: make results JOB=NAME; there are a, b", id="which job"),
    ],
)
def test_a_mistake_is_reported_in_one_line(
    a_stack: Stack, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    for name in ("a", "b"):
        a_stack.ran(name, {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    assert results.main(arguments) == 1
    assert capsys.readouterr().err == f"error: {words}\n"


def test_a_file_that_cannot_be_written_is_reported(
    a_stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_stack.ran("risk", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    (tmp_path / "a file").touch()
    assert results.main(["--to", str(tmp_path / "a file" / "risk.csv")]) == 1
    assert "a file/risk.csv: the file cannot be written: " in capsys.readouterr().err


def test_it_is_importable_wherever_a_notebook_is_started(tmp_path: Path) -> None:
    script = "from workshop import results; print(results.frame.__name__)"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("frame\n", "")
