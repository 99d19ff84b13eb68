"""Labels that a job declares: where they are, which column, and whether they fit the input."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs import inputs, labels
from jobs.account import Account
from jobs.arguments import TransformJobArgs
from lookups.s3 import S3Object
from tests.program.jobs import CSV, run

ARGS = TransformJobArgs(input="in.csv", labels="truth.csv", label_column="y")


def problems(root: Path, listed: Sequence[S3Object] = (), **changes: Any) -> list[str]:
    source = inputs.local(root / "in.csv")
    account = Account(list_objects=lambda _: listed)
    return list(labels.problems(replace(ARGS, **changes), source, root, account))


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("7,1,2\n8,3,4\n")
    (tmp_path / "truth.csv").write_text("id,y\n7,0\n8,1\n")
    (tmp_path / "bare.csv").write_text("0\n1\n")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="a column by its name"),
        pytest.param({"label_column": 1}, id="a column by its position"),
        pytest.param({"labels": "bare.csv", "label_column": None}, id="the only column"),
        pytest.param({"columns": ("id", "a", "b")}, id="names of the input's columns"),
        pytest.param({"labels": None, "label_column": None}, id="no labels"),
        pytest.param({"label_key": "id", "columns": ("id", "a", "b"), "join_source": "Input"}, id="a key"),
        pytest.param({"label_key": 0, "join_source": "Input"}, id="a key by its position"),
    ],
)
def test_right_labels_are_taken(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert problems(tmp_path, **changes) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"labels": "gone.csv"}, "labels: there is no file or folder gone.csv in", id="a missing file"),
        pytest.param({"label_column": "z"}, "label_column: {root}/truth.csv has no column 'z'", id="a missing column"),
        pytest.param({"label_column": 2}, "has 2 columns, and none at position 2", id="a position beyond the last"),
        pytest.param({"label_column": None}, "has 2 columns (id, y, ...); name the one", id="no column of several"),
        pytest.param(
            {"columns": ("a",)},
            "columns: {root}/in.csv has 3 columns, and 1 names are given",
            id="too few names",
        ),
        pytest.param({"columns": ("a", "a", "b")}, "columns: a is named twice", id="a name twice"),
        pytest.param({"labels": None}, "label_column: has no meaning without labels", id="a column of nothing"),
        pytest.param({"label_key": "id"}, "label_key: the result does not contain it", id="a key without join"),
        pytest.param(
            {"label_key": "id", "join_source": "Input"}, "label_key: 'id' is not among `columns`", id="a key by no name"
        ),
        pytest.param(
            {"label_key": "no", "join_source": "Input", "columns": ("no", "a", "b")},
            "label_key: {root}/truth.csv has no column 'no'",
            id="a key that the labels lack",
        ),
        pytest.param(
            {"labels": "s3://b/truth.csv"}, "labels: there is nothing under s3://b/truth.csv", id="nothing in S3"
        ),
    ],
)
def test_wrong_labels_are_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    (found,) = problems(tmp_path, **changes)
    assert problem.format(root=tmp_path) in found


@pytest.mark.parametrize("before", [0, 5000], ids=["in the first line", "far behind the first line"])
def test_labels_that_are_not_utf_8_are_refused(tmp_path: Path, before: int) -> None:
    (tmp_path / "bare.csv").write_bytes(b"0\n" * before + "für\n".encode("latin-1"))
    (found,) = problems(tmp_path, labels="bare.csv", label_column=None)
    assert "bare.csv is not a CSV file that can be read: 'utf-8' codec can't decode byte 0xfc" in found


def test_another_number_of_rows_is_refused_with_both_numbers(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,2\n" * 5)
    (found,) = problems(tmp_path)
    assert "truth.csv has 2 labels, and in.csv has 5 records" in found


def test_labels_matched_by_key_may_have_more_or_fewer_rows(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("7,1,2\n")
    assert problems(tmp_path, label_key=0, join_source="Input") == []


def test_labels_in_s3_are_looked_up(tmp_path: Path) -> None:
    assert problems(tmp_path, [S3Object("truth.csv", "e", 1)], labels="s3://b/truth.csv") == []


class TestAStacksOutput:
    def test_has_labels_only_if_they_are_declared(self) -> None:
        graph = run(lambda jobs: jobs.add("bare", TransformJobArgs(input=CSV)))
        assert "labels" not in graph.outputs["transform_jobs"]["bare"]

    def test_carries_path_column_names_and_key(self, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text(",".join("1" * 18))
        (tmp_path / "y.csv").write_text("1\n")
        args = TransformJobArgs(input=str(tmp_path / "in.csv"), labels=str(tmp_path / "y.csv"))
        graph = run(lambda jobs: jobs.add("own", args))
        assert graph.error is None
        assert graph.outputs["transform_jobs"]["own"]["labels"] == {"path": str(tmp_path / "y.csv")}

    def test_names_the_workshops_own_labels_for_its_job(self) -> None:
        from jobs import churn  # noqa: PLC0415  the declared job is what is tested

        graph = run(churn.declare)
        found = graph.outputs["transform_jobs"]["churn"]["labels"]
        assert (found["path"], found["column"], len(found["columns"])) == ("model/truth.csv", "churn", 18)

    def test_names_no_labels_for_the_workshops_job_on_other_data(self, tmp_path: Path) -> None:
        from jobs import churn  # noqa: PLC0415  as above

        (tmp_path / "batch_input.csv").write_text(f"{','.join('1' * 18)}\n" * 667)
        graph = run(churn.declare, config={"batchInput": str(tmp_path / "batch_input.csv")})
        assert "labels" not in graph.outputs["transform_jobs"]["churn"]

    def test_names_columns_and_fan_out_for_the_tools(self) -> None:
        args = TransformJobArgs(input=CSV, columns=tuple(f"c{n}" for n in range(18)))
        graph = run(lambda jobs: jobs.add("a-b", args, fan_out="a"))
        data = graph.outputs["transform_jobs"]["a-b"]["data"]
        assert (len(data["columns"]), data["fan_out"]) == (18, "a")
