"""What `make up` says last: a line for each job, with rows, precision and recall where they can be told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from workshop import results

BUCKET = "results"
SCORES = [0.9, 0.8, 0.2, 0.1]
LABELS = [1, 0, 1, 0]
Said = Callable[..., str]


@pytest.fixture(autouse=True)
def truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four customers in place of the workshop's own."""
    path = tmp_path / "truth.csv"
    path.write_text("row,churn\n" + "".join(f"{row},{label}\n" for row, label in enumerate(LABELS, start=1)))
    monkeypatch.setattr(results, "TRUTHS", {"batch_input.csv": path})


@pytest.fixture(autouse=True)
def s3(connect: Callable[..., Any]) -> Any:
    client = connect("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """What is printed for jobs of these outputs."""

    def run(code: int = 0, **jobs: dict[str, str]) -> str:
        (tmp_path / "outputs.json").write_text(json.dumps({"transform_jobs": jobs}))
        assert results.main(["--stack", "dev", "--outputs", str(tmp_path / "outputs.json")]) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return run


def body(scores: Sequence[object]) -> bytes:
    return "".join(f"{score}\n" for score in scores).encode()


def job(key: str = "output/x/batch_input.csv.out", status: str = "Completed", given: str = "batch_input.csv") -> Any:
    return {"status": status, "input_path": f"s3://{BUCKET}/input/{given}", "result_path": f"s3://{BUCKET}/{key}"}


def test_a_completed_job_shows_rows_precision_and_recall(s3: Any, said: Said) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/x/batch_input.csv.out", Body=body(SCORES))
    heading, line = said(churn=job()).splitlines()
    assert heading.split() == ["JOB", "STATUS", "ROWS", "PRECISION", "RECALL", "RESULT"]
    assert line.split() == ["churn", "Completed", "4", "0.500", "0.500", f"s3://{BUCKET}/output/x/batch_input.csv.out"]


def test_jobs_stand_in_the_order_of_their_names_and_in_columns(said: Said) -> None:
    lines = said(z=job(status="Failed"), a=job(status="InProgress")).splitlines()
    assert [line.split()[0] for line in lines] == ["JOB", "a", "z"]
    assert len({line.index("s3://") for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(["0.9", "0.8"], id="fewer rows than the truth has"),
        pytest.param(["yes", "no", "no", "yes"], id="answers that are no numbers"),
        pytest.param(["101", "65", "137", "84"], id="numbers that are no probabilities"),
    ],
)
def test_where_the_truth_does_not_fit_no_precision_is_made_up(s3: Any, said: Said, scores: list[str]) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/x/batch_input.csv.out", Body=body(scores))
    assert said(churn=job()).splitlines()[1].split()[2:5] == [str(len(scores)), "-", "-"]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(job(status="Failed"), id="failed"),
        pytest.param(job(key="output/x/"), id="a prefix of many results"),
        pytest.param(job(given="other.csv"), id="an input whose truth nobody knows"),
    ],
)
def test_where_nothing_can_be_judged_there_are_dashes(s3: Any, said: Said, shown: dict[str, str]) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/x/batch_input.csv.out", Body=body(SCORES))
    assert said(churn=shown).splitlines()[1].split()[3:5] == ["-", "-"]


def test_a_result_that_expired_says_how_to_have_it_again(said: Said) -> None:
    assert "(expired; run it again: make retry JOB=churn STACK=dev)" in said(churn=job())


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param(b"0.5\n0.25\n", "2", id="every line ended"),
        pytest.param(b"0.5\n0.25", "2", id="the last line not ended"),
        pytest.param(b"", "0", id="nothing"),
    ],
)
def test_rows_are_lines(s3: Any, said: Said, content: bytes, rows: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/x/batch_input.csv.out", Body=content)
    assert said(churn=job()).splitlines()[1].split()[2] == rows


def test_a_large_result_is_not_fetched_to_count_it(s3: Any, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/x/batch_input.csv.out", Body=body(SCORES))
    monkeypatch.setattr(results, "LARGEST", len(body(SCORES)) - 1)
    assert said(churn=job()).splitlines()[1].split()[1:5] == ["Completed", "-", "-", "-"]


def test_a_result_that_may_not_be_read_costs_no_other_jobs_line(s3: Any, said: Said) -> None:
    s3.put_object(Bucket=BUCKET, Key="output/x/batch_input.csv.out", Body=body(SCORES))
    elsewhere = job() | {"result_path": "s3://nobody/output/x/batch_input.csv.out"}
    _, churn, theirs = said(churn=job(), theirs=elsewhere).splitlines()
    assert churn.split()[2] == "4"
    assert "(not shown: s3://nobody/output/x/batch_input.csv.out cannot be read: " in theirs


def test_without_a_way_to_ask_s3_it_is_told_without_a_traceback(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise results.s3.S3Error("S3 cannot be reached: no profile")

    monkeypatch.setattr(results.s3, "connect", refuse)
    assert said(code=1, churn=job()) == "error: the results could not be read: S3 cannot be reached: no profile\n"


def test_the_last_column_of_a_joined_row_is_the_models_answer() -> None:
    joined = b"128,415,0.25\n107,408,1e-05\n"
    assert results.predictions(joined) == ["0.25", "1e-05"]
    assert results.scores(joined) == [0.25, 1e-05]
