"""JSON Lines and JSON documents as they are filtered and joined."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_processing.filters import parse
from localcloud.batch_transform import json_values
from localcloud.batch_transform.errors import RecordError
from localcloud.batch_transform.job import DataProcessing, Split, Strategy
from tests.localcloud.batch_transform.doubles import Answer, each_line, echo, label

CLIENT_ERROR = "ClientError: See job logs for more information"
JOIN = DataProcessing(join_input=True)
JSON_LINES = {"content_type": "application/jsonlines", "accept": "application/jsonlines"}


@pytest.mark.parametrize(
    ("record", "processing", "sent", "expected"),
    [
        pytest.param(
            b'{"key":1}\n',
            DataProcessing(join_input=True),
            b'{"key":1}\n',
            b'{"SageMakerOutput":{"label":1},"key":1}\n',
            id="an object gets a member",
        ),
        pytest.param(
            b'{"id":7,"features":[1,2]}\n',
            DataProcessing("$.features", join_input=True, output_filter="$['id','SageMakerOutput']"),
            b"[1,2]\n",
            b'{"SageMakerOutput":{"label":1},"id":7}\n',
            id="filters choose what the model sees and what is written",
        ),
        pytest.param(
            b"[1,2]\n",
            DataProcessing(join_input=True),
            b"[1,2]\n",
            b'{"SageMakerInput":[1,2],"SageMakerOutput":{"label":1}}\n',
            id="a record that is no object is put beside the answer",
        ),
        pytest.param(
            b'{"SageMakerOutput":0,"a":1}\n',
            DataProcessing(join_input=True),
            b'{"SageMakerOutput":0,"a":1}\n',
            b'{"SageMakerOutput":{"label":1},"a":1}\n',
            id="a member of that name is overwritten",
        ),
        pytest.param(
            b'{"b":{"z":1,"Y":2},"a":[{"d":1,"c":2}]}\n',
            DataProcessing(join_input=True),
            b'{"b":{"z":1,"Y":2},"a":[{"d":1,"c":2}]}\n',
            b'{"SageMakerOutput":{"label":1},"a":[{"c":2,"d":1}],"b":{"Y":2,"z":1}}\n',
            id="keys are sorted by their bytes on every level",
        ),
    ],
)
def test_json_lines_are_filtered_and_joined(
    plane: Any, record: bytes, processing: DataProcessing, sent: bytes, expected: bytes
) -> None:
    result = plane.run({"in/a.jsonl": record}, label, processing=processing, **JSON_LINES)
    assert result.bodies == [sent]
    assert result.outputs == {"out/a.jsonl.out": expected}


def test_a_json_document_is_one_record_without_a_split(plane: Any) -> None:
    result = plane.run(
        {"in/a.json": b'{\n "key": [1]\n}\n'},
        label,
        split=Split.NONE,
        assemble_line=False,
        content_type="application/json",
        accept="application/json",
        processing=DataProcessing(join_input=True),
    )
    assert result.outputs == {"out/a.json.out": b'{"SageMakerOutput":{"label":1},"key":[1]}'}


def test_json_with_a_split_is_json_lines(plane: Any) -> None:
    result = plane.run(
        {"in/a.json": b'{"a":1}\n{"a":2}\n'},
        each_line(lambda line: line),
        content_type="application/json",
        accept="application/json",
        processing=DataProcessing(join_input=True, output_filter="$.SageMakerOutput"),
    )
    assert result.outputs == {"out/a.json.out": b'{"a":1}\n{"a":2}\n'}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            rb'{"b":{"z":[{"y":1,"x":[]}]},"a":{}}',
            rb'{"SageMakerOutput":1,"a":{},"b":{"z":[{"x":[],"y":1}]}}',
            id="nested",
        ),
        pytest.param(
            rb'{"a":"\u00e9\ud83d\ude00\n"}', '{"SageMakerOutput":1,"a":"é😀\\n"}'.encode(), id="unicode escapes"
        ),
        pytest.param(
            rb'{"a":"\ud800x"}', '{"SageMakerOutput":1,"a":"\ufffdx"}'.encode(), id="half of a surrogate pair"
        ),
        pytest.param(rb'{"a":1,"a":2}', rb'{"SageMakerOutput":1,"a":2}', id="a name twice"),
        pytest.param(
            rb'{"a":123456789012345678901234567890.10,"b":-0,"c":1E400}',
            rb'{"SageMakerOutput":1,"a":123456789012345678901234567890.10,"b":-0,"c":1E400}',
            id="numbers of many digits",
        ),
        pytest.param(rb' { "a" : null } ', rb'{"SageMakerOutput":1,"a":null}', id="spaces"),
        pytest.param(rb'"text"', rb'{"SageMakerInput":"text","SageMakerOutput":1}', id="a text"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"", b"\n \n\n"], ids=["newline", "no newline", "blank lines"])
def test_json_lines_are_joined(plane: Any, record: bytes, expected: bytes, end: bytes) -> None:
    result = plane.run({"in/a": record + end}, lambda _: Answer(body=b"1"), processing=JOIN, **JSON_LINES)
    assert result.outputs == {"out/a.out": expected + b"\n"}


def test_a_blank_line_is_neither_sent_nor_joined(plane: Any) -> None:
    processing = DataProcessing("$.a", join_input=True)
    result = plane.run({"in/a": b'{"a":1}\n\n{"a":2}\n'}, echo, processing=processing, **JSON_LINES)
    assert result.bodies == [b"1\n2\n"]
    assert result.outputs == {"out/a.out": b'{"SageMakerOutput":1,"a":1}\n{"SageMakerOutput":2,"a":2}\n'}


@pytest.mark.parametrize("strategy", [pytest.param(one, id=str(one)) for one in Strategy])
def test_an_answer_over_several_lines_is_not_json_lines(plane: Any, strategy: Strategy) -> None:
    """Lines are parsed before they are counted, as in the reports on CSV."""
    pretty = json.dumps({"predictions": [0.5]}, indent=4).encode()
    result = plane.run(
        {"in/a": b'{"a":1}\n'}, lambda _: Answer(body=pretty), strategy=strategy, processing=JOIN, **JSON_LINES
    )
    assert (result.outcome.reason, result.outputs) == (CLIENT_ERROR, {})
    assert "Failed to parse output from the algorithm as JSON: " in result.logs.lines[4]


def test_an_answer_over_several_lines_is_one_document(plane: Any) -> None:
    types = {"content_type": "application/json", "accept": "application/json"}
    pretty = json.dumps({"predictions": [0.5]}, indent=4).encode()
    result = plane.run(
        {"in/a": b'{"a":1}'},
        lambda _: Answer(body=pretty),
        split=Split.NONE,
        assemble_line=False,
        processing=JOIN,
        **types,
    )
    assert result.outputs == {"out/a.out": b'{"SageMakerOutput":{"predictions":[0.5]},"a":1}'}


@pytest.mark.parametrize(
    ("record", "answer", "message"),
    [
        pytest.param(b"{", b"1", "Failed to parse input as JSON: ", id="a pretty-printed document"),
        pytest.param(b"{}", b"{", "Failed to parse output from the algorithm as JSON: ", id="an answer cut off"),
        pytest.param(b"NaN", b"1", "Failed to parse input as JSON: NaN is not JSON", id="what Python reads as JSON"),
        pytest.param(b'"\xff"', b"1", "Failed to parse input as JSON: it is not UTF-8", id="no text"),
        pytest.param(b"[" * 100_000, b"1", "it is nested too deeply", id="too deep to read"),
        pytest.param(b'{"a":' * 600 + b"1" + b"}" * 600, b"1", "it is nested too deeply", id="too deep to write"),
        pytest.param(b'{"a":1}{"a":2}', b"1", "Extra data, found near: ", id="two on a line"),
    ],
)
def test_json_that_cannot_be_joined_fails_its_object(plane: Any, record: bytes, answer: bytes, message: str) -> None:
    objects = {"in/a": b"{}\n" + record + b"\n"}
    result = plane.run(
        objects, lambda _: Answer(body=answer), strategy=Strategy.SINGLE_RECORD, processing=JOIN, **JSON_LINES
    )
    assert result.outcome.reason == CLIENT_ERROR
    assert message in result.logs.lines[4]
    assert "of the object: " in result.logs.lines[5]


def test_a_wildcard_leaves_out_values_that_do_not_exist(plane: Any) -> None:
    processing = DataProcessing("$.rows[*].a")
    result = plane.run({"in/a": b'{"rows":[{"a":1},{"b":2},{"a":3}]}\n'}, processing=processing, **JSON_LINES)
    assert result.bodies == [b"[1,3]\n"]


@pytest.mark.parametrize("path", ["$.b", "$['a','b']", "$.a.b", "$.l[2]", "$.l[0,2]", "$['a','b'][0]"])
def test_a_name_or_index_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(RecordError, match=r"selects nothing of the record: '(b|2|0)' is not there"):
        json_values.Selection(parse(path)).of({"a": 1, "l": [1, 2]})


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        pytest.param("$", [1], [1], id="all"),
        pytest.param("$.a", {"a": [1]}, [1], id="a name gives the value"),
        pytest.param("$.a.b", {"a": {"b": 2}}, 2, id="names nest"),
        pytest.param("$['a']", {"a": 1}, 1, id="a quoted name gives the value"),
        pytest.param("$['a','b']", {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2}, id="names give an object"),
        pytest.param("$.f.['a','b']", {"f": {"a": 1, "b": 2}}, {"a": 1, "b": 2}, id="a dot before a bracket"),
        pytest.param("$['a','b'].c", {"a": {"c": 1}, "b": {"c": 2}}, [1, 2], id="names before the end give a list"),
        pytest.param("$[0]", [5, 6], 5, id="an index gives the value"),
        pytest.param("$[0,-1]", [5, 6, 7], [5, 7], id="indexes give a list"),
        pytest.param("$[1:]", [5, 6, 7], [6, 7], id="a slice gives a list"),
        pytest.param("$[7:]", [5, 6, 7], [], id="an empty slice gives an empty list"),
        pytest.param("$.id.*", {"id": {"x": 1, "y": 2}}, [1, 2], id="a wildcard gives a list"),
        pytest.param("$['it','b']", {"it": 1, "b": 2}, {"it": 1, "b": 2}, id="names of letters"),
    ],
)
def test_a_selection_keeps_the_form_of_its_values(path: str, value: Any, expected: Any) -> None:
    assert json_values.Selection(parse(path)).of(value) == expected


NAMES = st.sampled_from(["a", "b", "id", "features", "x_1"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(NAMES, children, max_size=4),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(st.lists(DOCUMENTS, min_size=1, max_size=5))
def test_a_join_keeps_every_value(plane: Any, documents: list[Any]) -> None:
    data = "".join(json.dumps(document) + "\n" for document in documents).encode()
    result = plane.run({"in/a": data}, echo, processing=JOIN, **JSON_LINES)
    joined = [json.loads(line) for line in result.outputs["out/a.out"].splitlines()]
    assert joined == [
        {**(document if isinstance(document, dict) else {"SageMakerInput": document}), "SageMakerOutput": document}
        for document in documents
    ]
