"""Models of several containers, called in order, each with the answer of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.batch_transform import invocation
from localcloud.batch_transform.job import DataProcessing, ModelContainer, Strategy
from tests.localcloud.batch_transform.doubles import Answer, Behaviour, each_line, fail

CLIENT_ERROR = "ClientError: See job logs for more information"
SCALE, SCORE = ModelContainer("scale", {"STEP": "1"}), ModelContainer("score", {"STEP": "2"})


def answering(answer: Answer) -> Behaviour:
    return lambda _body: answer


def run(plane: Any, *pipeline: Behaviour, data: bytes = b"1,2\n3,4\n", **job: Any) -> Any:
    containers = (SCALE, SCORE, ModelContainer("container-3"))[: len(pipeline)]
    return plane.run({"in/a.csv": data}, pipeline=pipeline, containers=containers, **job)


def invocations(model: Any) -> list[Any]:
    return [request for request in model.requests if request.path == "/invocations"]


def test_each_container_gets_the_answer_of_the_one_before(plane: Any) -> None:
    as_json = answering(Answer(body=b"[[1],[2]]", content_type="application/json; charset=utf-8"))
    result = run(plane, as_json, answering(Answer(body=b"0.5\n0.6\n")))
    assert result.outputs == {"out/a.csv.out": b"0.5\n0.6\n"}
    (first,), (second,) = map(invocations, result.models)
    assert (first.body, first.headers["Content-Type"]) == (b"1,2\n3,4\n", "text/csv")
    assert (second.body, second.headers["Content-Type"]) == (b"[[1],[2]]", "application/json; charset=utf-8")
    assert "Accept" not in first.headers
    assert second.headers["Accept"] == "text/csv"


def test_an_answer_without_a_content_type_is_sent_on_without_one(plane: Any) -> None:
    result = run(plane, each_line(), each_line())
    assert "Content-Type" not in invocations(result.models[1])[0].headers


def test_each_container_has_its_own_environment_and_log(plane: Any) -> None:
    result = run(plane, each_line(), each_line(), environment={"JOB": "1"})
    assert [model.environment for model in result.models] == [
        {"SAGEMAKER_BATCH": "true", "STEP": "1", "JOB": "1"},
        {"SAGEMAKER_BATCH": "true", "STEP": "2", "JOB": "1"},
    ]
    assert result.logs.container_lines == [("scale", b"started"), ("score", b"started")]


def test_a_model_of_one_container_has_no_name_in_the_logs(plane: Any) -> None:
    assert plane.run({"in/a.csv": b"1\n"}).logs.container_lines == [("", b"started")]


def test_the_first_container_tells_the_execution_parameters(plane: Any) -> None:
    result = run(plane, each_line(), each_line(), model={"parameters": {"MaxConcurrentTransforms": 3}})
    assert result.logs.lines[0].startswith("MaxConcurrentTransforms=3")
    asked = [[request.path for request in model.requests] for model in result.models]
    assert asked == [["/ping", "/execution-parameters", "/invocations"], ["/ping", "/invocations"]]


@pytest.mark.parametrize(
    ("pipeline", "lines"),
    [
        pytest.param(
            [fail(400), each_line()],
            ["ClientError: 400", "", "Message:", "boom", "This is the answer of the container scale."],
            id="the first refuses",
        ),
        pytest.param(
            [each_line(), answering(Answer(415, b"what"))],
            ["ClientError: 415", "", "Message:", "what", "This is the answer of the container score."],
            id="the second refuses",
        ),
        pytest.param(
            [each_line(), each_line(), fail(500)],
            [
                "Bad HTTP status received from algorithm: 500",
                "",
                "Message:",
                "boom",
                "This is the answer of the container container-3.",
            ],
            id="the third breaks",
        ),
        pytest.param(
            [each_line(), answering(Answer(close=True))],
            ["Unable to get response from algorithm", "The container score gave no answer."],
            id="the second breaks off",
        ),
    ],
)
def test_the_failing_container_is_named(plane: Any, pipeline: Sequence[Behaviour], lines: list[str]) -> None:
    result = run(plane, *pipeline, max_retries=0, strategy=Strategy.SINGLE_RECORD)
    assert result.outcome.status == "Failed"
    assert [line.removeprefix("b/in/a.csv: ") for line in result.logs.lines[1:]] == [
        *lines,
        "Line 1 of the object: 1,2",
    ]
    assert result.outputs == {}


def test_a_retry_begins_at_the_first_container(plane: Any) -> None:
    answers = iter([Answer(500), Answer(body=b"7\n")])
    result = run(plane, each_line(), lambda _: next(answers), data=b"1\n")
    assert result.outputs == {"out/a.csv.out": b"7\n"}
    assert [len(invocations(model)) for model in result.models] == [2, 2]


def test_the_timeout_holds_for_the_way_through_all(plane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 0.0

    def slow(body: bytes) -> Answer:
        nonlocal seconds
        seconds += 40
        return Answer(body=body)

    monkeypatch.setattr(invocation, "time", SimpleNamespace(monotonic=lambda: seconds))
    result = run(plane, slow, slow, slow, timeout_seconds=100, max_retries=0)  # for each alone it would be enough
    assert result.outcome.reason == "InternalServerError: We encountered an internal error.  Please try again."
    assert "b/in/a.csv: The container container-3 gave no answer." in result.logs.lines


def test_the_record_is_joined_with_the_last_answer(plane: Any) -> None:
    processing = DataProcessing("$[1:]", join_input=True)
    result = run(plane, each_line(lambda line: line + b"0"), each_line(lambda line: line + b"1"), processing=processing)
    assert result.outputs == {"out/a.csv.out": b"1,2,201\n3,4,401\n"}


def test_a_container_that_does_not_start_is_named_and_the_others_are_stopped(plane: Any) -> None:
    result = run(plane, each_line(), each_line(), model={"ping": 404}, ping_limit=0.2)
    assert result.outcome.reason == "AlgorithmError: Model container failed to respond to ping"
    assert result.logs.lines == ["Model container scale did not answer /ping"]
    assert [model.exit_status for model in result.models] == [0, 0]
