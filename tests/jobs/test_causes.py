"""The sentence of a log that gives the cause."""

from pathlib import Path

import pytest

from jobs import ends
from jobs.ends import Cause

OBJECT = "b/input/x/in.csv"
COLUMNS = """\
ClientError: 400

Message:
Unable to evaluate payload provided: [17:03:12] /workspace/src/learner.cc:1507: Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ (5 vs. 6) : Number of columns does not match number of features in booster.
Stack trace:
  [bt] (0) /lib/libxgboost.so(+0x22dcbc) [0x7f0d]
  [bt] (1) /lib/libxgboost.so(+0x52dcbc) [0x7f0e]
"""
TEXT = """\
ClientError: 415

Message:
Loading csv data failed with Exception, please ensure data is in csv format:
 <class 'ValueError'>
 could not convert string to float: 'abc'
"""
TRACEBACK = """\
Traceback (most recent call last):
  File "/opt/ml/model/code/inference.py", line 7, in model_fn
    return joblib.load(path)
FileNotFoundError: [Errno 2] No such file or directory: 'model.joblib'
[2026-01-01 00:00:00 +0000] [42] [INFO] Worker exiting (pid: 42)
"""


def agent(text: str, of: str = OBJECT) -> list[str]:
    """The lines as the agent writes them and CloudWatch gives them."""
    lines = [f"2026-01-02T03:04:05.678:[sagemaker logs]: {of}: {line}" for line in text.splitlines()]
    return [f"2026-01-02T03:04:06.000Z [i-0abc/data-log] {line}" for line in lines]


def container(text: str) -> list[str]:
    return [f"2026-01-02T03:04:05.000Z [i-0abc] {line}" for line in text.splitlines()]


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        pytest.param(
            agent(COLUMNS),
            Cause(
                "Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ (5 vs. 6) : "
                "Number of columns does not match number of features in booster.",
                OBJECT,
                400,
            ),
            id="a check of XGBoost's, without its stack",
        ),
        pytest.param(
            [*container(TRACEBACK), *agent(TEXT)],
            Cause(
                "Loading csv data failed with Exception, please ensure data is in csv format: <class 'ValueError'> "
                "could not convert string to float: 'abc'",
                OBJECT,
                415,
            ),
            id="a message, before anything of the container's",
        ),
        pytest.param(
            [*agent(TEXT), *agent("Bad HTTP status received from algorithm: 500\n\nMessage:\nrecord 7: no", "b/2")],
            Cause("record 7: no", "b/2", 500),
            id="the last of two, with its record",
        ),
        pytest.param(
            container(TRACEBACK),
            Cause("FileNotFoundError: [Errno 2] No such file or directory: 'model.joblib'"),
            id="the exception in which a traceback ends",
        ),
        pytest.param(
            agent(f"ClientError: 400\n\nMessage:\n{TRACEBACK}"),
            Cause("FileNotFoundError: [Errno 2] No such file or directory: 'model.joblib'", OBJECT, 400),
            id="a traceback for an answer",
        ),
        pytest.param(
            agent("ClientError: 404"), Cause("it gave no message", OBJECT, 404), id="an answer without message"
        ),
        pytest.param(
            agent("Unable to get response from algorithm"),
            Cause("Unable to get response from algorithm", OBJECT),
            id="no answer",
        ),
        pytest.param(container("starting\nlistening on 8080"), None, id="nothing but news"),
        pytest.param([], None, id="no log"),
    ],
)
def test_the_cause_is(lines: list[str], cause: Cause | None) -> None:
    assert ends.find_cause(lines) == cause


def test_a_cause_is_reported_with_status_and_object() -> None:
    assert str(Cause("boom", "b/in.csv", 400)) == "the container answered 400: boom (in b/in.csv)"


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        pytest.param("could not convert string to float: 'abc'", 2, id="a value that Python quotes"),
        pytest.param("could not convert string to float: np.str_('abc')", 2, id="a value that numpy quotes"),
        pytest.param("could not convert string to float: 'ab'", 0, id="a value that is only a part of another"),
        pytest.param("Check failed: 5 vs. 6", 0, id="no value"),
    ],
)
def test_the_line_that_has_a_quoted_value_is_found(tmp_path: Path, sentence: str, line: int) -> None:
    (tmp_path / "in.csv").write_text('1,2\n3,"abc"\n4,abc\n')
    found = ends.located(Cause(sentence, "b/in.csv"), tmp_path / "in.csv")
    assert found.line == line
    assert ("(in line 2 of b/in.csv)" in str(found)) is bool(line)


def test_an_input_that_is_gone_has_no_lines(tmp_path: Path) -> None:
    cause = Cause("could not convert string to float: 'abc'")
    assert ends.located(cause, tmp_path / "gone.csv") == cause


def test_a_long_cause_is_cut() -> None:
    (found,) = [ends.find_cause(agent(f"ClientError: 400\n\nMessage:\n{'x' * 5000}"))]
    assert found is not None
    assert len(found.sentence) < 500
