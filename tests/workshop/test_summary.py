"""The end of what `make up` prints: a summary of the outputs, a line for each job, and a copy of each result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.workshop.conftest import Stack, lines
from workshop import stack, summary

SCORES = [0.9, 0.8, 0.2, 0.1]
GIVEN = lines(["1,2"] * 4)
Said = Callable[..., list[str]]


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def said(a_stack: Stack, copies: Path) -> Said:
    """The cells of each line, of the jobs that have run."""

    def run() -> list[str]:
        place = summary.Place("dev", a_stack.s3, a_stack.sagemaker, copies)
        rows = [summary.HEADINGS, *(line.cells for line in summary.lines(a_stack.jobs, place))]
        return stack.table(rows).splitlines()

    return run


def test_a_completed_job_shows_rows_metrics_and_result(a_stack: Stack, said: Said) -> None:
    labels = {"path": a_stack.file("truth.csv", lines([1, 0, 1, 0]))}
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    heading, line = said()
    assert heading.split() == ["JOB", "STATUS", "ROWS", "METRICS", "RESULT"]
    assert line == (
        "churn  Completed  4     precision 0.500, recall 0.500, F1 0.500, AUC 0.750  "
        "s3://stack-data/output/churn/in.csv.out"
    )


def test_the_threshold_decides(a_stack: Stack, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRESHOLD", "0.85")
    labels = {"path": a_stack.file("truth.csv", lines([1, 0, 1, 0]))}
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    assert "precision 1.000, recall 0.500" in said()[1]


def test_unrelated_data_has_no_metrics_whatever_its_file_is_called(a_stack: Stack, said: Said) -> None:
    a_stack.ran("other", {"batch_input.csv": GIVEN}, {"batch_input.csv": lines(SCORES)})
    assert said()[1].endswith(" no labels declared  s3://stack-data/output/other/batch_input.csv.out")


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        pytest.param([0.9, 0.8], "has 4 labels, the result has 2 rows", id="fewer rows than labels"),
        pytest.param(["yes", "no", "no", "yes"], "the labels are numbers and the predictions are texts", id="texts"),
        pytest.param(
            [101, 65, 137, 84], "the predictions reach from 65 to 137", id="numbers that are no probabilities"
        ),
    ],
)
def test_the_line_says_why_labels_do_not_fit(a_stack: Stack, said: Said, scores: list[Any], words: str) -> None:
    labels = {"path": a_stack.file("truth.csv", lines([1, 0, 1, 0]))}
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(scores)}, labels=labels)
    assert "none: " in said()[1]
    assert words in said()[1]


def test_rows_of_a_folder_are_counted_over_its_files(a_stack: Stack, said: Said) -> None:
    a_stack.ran("churn", {"a.csv": "1\n2\n", "b.csv": "3\n"}, {"a.csv": "0.1\n0.2\n", "b.csv": "0.3\n"})
    assert said()[1].split()[:3] == ["churn", "Completed", "3"]


def test_a_fan_out_ends_with_its_total(a_stack: Stack, said: Said) -> None:
    a_stack.ran("z", {"in.csv": "1\n"}, {"in.csv": "0.1\n"})
    a_stack.ran("region-a", {"in.csv": "1\n2\n"}, {"in.csv": "0.1\n0.2\n"}, data={"fan_out": "region"})
    a_stack.ran("region-b", {"in.csv": "1\n"}, {"in.csv": "0.1\n"}, data={"fan_out": "region"})
    a_stack.ran("region-c", {"in.csv": "1\n"}, {}, data={"fan_out": "region"}, status="Failed")
    assert [line.split("  ")[0] for line in said()] == [
        "JOB", "region-a", "region-b", "region-c", "region (total)", "z"
    ]  # fmt: skip
    total = said()[4].split()
    assert total[:6] == ["region", "(total)", "2", "of", "3", "3"]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("0.5\n0.25\n", "2", id="every line ended"),
        pytest.param("0.5\n0.25", "2", id="the last line not ended"),
        pytest.param("", "0", id="nothing"),
    ],
)
def test_rows_are_lines(a_stack: Stack, said: Said, content: str, rows: str) -> None:
    a_stack.ran("churn", {"in.csv": "1\n2\n"}, {"in.csv": content})
    assert said()[1].split()[2] == rows


def test_a_result_that_expired_says_how_to_have_it_again(a_stack: Stack, said: Said) -> None:
    a_stack.ran("churn", {"in.csv": GIVEN}, {})
    assert "(expired; run it again: make retry JOB=churn STACK=dev)" in said()[1]


def test_a_large_result_is_neither_counted_nor_copied(
    a_stack: Stack, said: Said, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "LARGEST", len(lines(SCORES)) - 1)
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    assert said()[1].split()[:3] == ["churn", "Completed", "-"]
    assert not copies.exists()


def test_a_result_that_may_not_be_read_costs_no_other_jobs_line(a_stack: Stack, said: Said) -> None:
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    a_stack.ran("theirs", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, result_path="s3://nobody/x.out")
    _, churn, theirs = said()
    assert churn.split()[2] == "4"
    assert "(not shown: s3://nobody/x.out cannot be read: " in theirs


def test_each_result_is_copied_with_what_is_known_of_its_job(a_stack: Stack, said: Said, copies: Path) -> None:
    a_stack.ran("churn", {"a.csv": "1\n", "sub/b.csv": "2\n"}, {"a.csv": "0.1\n", "sub/b.csv": "0.2\n"})
    said()
    assert (copies / "dev/churn/a.csv.out").read_text() == "0.1\n"
    assert (copies / "dev/churn/sub/b.csv.out").read_text() == "0.2\n"
    assert json.loads((copies / "dev/churn/job.json").read_text())["job_name"] == "churn"


def test_a_result_that_has_not_changed_is_not_read_again(
    a_stack: Stack, said: Said, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"path": a_stack.file("truth.csv", lines([1, 0, 1, 0]))}
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    first = said()
    monkeypatch.setattr(a_stack.s3, "get_object", lambda **_: pytest.fail("it was read again"))
    assert said() == first
    assert json.loads((copies / "dev/churn/summary.json").read_text())["rows"] == 4


@pytest.mark.parametrize("change", ["result", "labels", "threshold", "job"])
def test_a_summary_is_made_again_when_what_it_says_may_have_changed(
    a_stack: Stack, said: Said, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    labels = {"path": a_stack.file("truth.csv", lines([1, 0, 1, 0]))}
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    assert "precision 0.500, recall 0.500" in said()[1]
    if change == "result":
        a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines([0.9, 0.1, 0.8, 0.2])}, labels=labels)
    elif change == "labels":
        a_stack.file("truth.csv", lines([1, 1, 0, 0]))
    elif change == "threshold":
        monkeypatch.setenv("THRESHOLD", "0.05")
    else:
        a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)})
    assert "precision 0.500, recall 0.500" not in said()[1]


def test_metrics_that_failed_are_computed_again(a_stack: Stack, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"path": a_stack.file("truth.csv", lines([1, 0, 1, 0]))}
    a_stack.ran("churn", {"in.csv": GIVEN}, {"in.csv": lines(SCORES)}, labels=labels)
    with monkeypatch.context() as broken:
        broken.setattr(a_stack.sagemaker, "describe_transform_job", unreachable)
        assert "none: SageMaker cannot describe" in said()[1]
    assert "precision 0.500" in said()[1]


def unreachable(**_: str) -> None:
    raise EndpointConnectionError(endpoint_url="https://sagemaker")


def test_a_copy_takes_the_place_of_the_one_before_and_stays_within_its_folder(
    a_stack: Stack, said: Said, copies: Path
) -> None:
    (copies / "dev" / "churn").mkdir(parents=True)
    (copies / "dev" / "churn" / "old.csv.out").touch()
    a_stack.ran("churn", {"a.csv": "1\n", "../../b.csv": "2\n"}, {"a.csv": "0.1\n", "../../b.csv": "0.2\n"})
    said()
    assert {path.relative_to(copies).as_posix() for path in copies.rglob("*.out")} == {
        "dev/churn/a.csv.out",
        "dev/churn/b.csv.out",
    }


def test_a_copy_that_cannot_be_written_costs_no_line(a_stack: Stack, said: Said) -> None:
    long = f"{'n' * 253}.csv"
    a_stack.ran("churn", {"in.csv": "1\n"}, {"in.csv": "0.1\n"})
    a_stack.ran("long", {long: "1\n"}, {long: "0.1\n"})
    _, churn, other = said()
    assert churn.split()[2] == other.split()[2] == "1"
    assert "(not copied: [Errno 36] File name too long" in other


def test_the_outputs_are_reported_in_short() -> None:
    outputs = {
        "bucket_name": "b",
        "model_name": "m",
        "kubeconfig": "secret",
        "transform_jobs": {},
        "cost": {"usd_per_day": 3.07, "usd_per_job": 0.0115},
    }
    assert summary.short(outputs) == [
        "bucket_name  b",
        "model_name   m",
        "cost on AWS  $3.07 a day, $0.0115 a job (make cost)",
    ]


def test_a_job_that_failed_shows_why(a_stack: Stack, said: Said) -> None:
    a_stack.ran("churn", {"in.csv": GIVEN}, {}, status="Failed", reason="ClientError: 415, line 3 is not a number")
    assert said()[1].split("  ")[-1] == "ClientError: 415, line 3 is not a number"


def test_the_table_comes_last(a_stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_stack.ran("churn", {"in.csv": GIVEN}, {}, status="Failed")
    (tmp_path / "o.json").write_text(json.dumps({"bucket_name": "b", "transform_jobs": a_stack.jobs}))
    assert summary.main(["--stack", "dev", "--outputs", str(tmp_path / "o.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["churn", "Failed"]
