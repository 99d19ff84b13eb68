"""What holds for any bytes, any payload size and any concurrency."""

from __future__ import annotations

import io
import itertools
import json
import re
import time
from typing import Any

import jsonpath as peer
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.batch_transform import jsonpath, splitting
from localcloud.batch_transform.doubles import Answer, echo
from localcloud.batch_transform.job import DataProcessing, Split, Strategy
from localcloud.batch_transform.unverified import Choices

CHOICES = Choices()
TEXT = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b",", b'"', b"\x00", b"\xff", b"abc"]), max_size=60).map(
    b"".join
)
USES_FIXTURE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=25
)


class Trickle:
    """A stream that gives few bytes at a time, as a network may."""

    def __init__(self, data: bytes, portion: int) -> None:
        self._data = io.BytesIO(data)
        self._portion = portion

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._portion))

    def close(self) -> None: ...


@given(TEXT, st.integers(1, 80), st.integers(1, 7))
def test_batches_joined_are_the_object_and_each_fits(data: bytes, limit: int, portion: int) -> None:
    longest = max((len(line) for line in data.splitlines(keepends=True)), default=0)
    limit += max(longest, max((len(line) + 1 for line in data.split(b"\n")), default=0))
    batches = list(splitting.line_batches(Trickle(data, portion), limit, CHOICES))
    assert b"".join(batches) == data
    assert all(0 < len(batch) <= limit for batch in batches)
    assert all(batch.endswith(b"\n") for batch in batches[:-1])


@given(TEXT, st.integers(1, 80), st.integers(1, 7))
def test_batches_hold_as_many_lines_as_fit(data: bytes, limit: int, portion: int) -> None:
    limit += max(len(line) + 1 for line in data.split(b"\n"))
    batches = list(splitting.line_batches(Trickle(data, portion), limit, CHOICES))
    for batch, following in itertools.pairwise(batches):
        first_line = following[: following.find(b"\n") + 1] or following
        assert len(batch) + len(first_line) > limit


@given(TEXT, st.integers(1, 7))
def test_lines_joined_are_the_object(data: bytes, portion: int) -> None:
    found = list(splitting.lines(Trickle(data, portion), None, CHOICES))
    assert b"".join(found) == data
    assert all(line.endswith(b"\n") for line in found[:-1])


@USES_FIXTURE
@given(
    data=TEXT.filter(bool),
    concurrency=st.integers(1, 4),
    strategy=st.sampled_from(Strategy),
    split=st.sampled_from(Split),
)
def test_an_echoing_model_gives_the_object_back(
    plane: Any, data: bytes, concurrency: int, strategy: Strategy, split: Split
) -> None:
    choices = Choices(single_record_keeps_terminator=True)
    result = plane.run(
        {"in/a": data},
        echo,
        split=split,
        strategy=strategy,
        max_concurrent=concurrency,
        assemble_line=False,
        choices=choices,
    )
    assert result.outputs == {"out/a.out": data}


@USES_FIXTURE
@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.integers(1, 8))
def test_output_order_is_input_order_however_long_answers_take(plane: Any, delays: list[int], concurrency: int) -> None:
    def behave(body: bytes) -> Answer:
        time.sleep(int(body.split(b":")[1]) / 1000)
        return Answer(body=body)

    lines = b"".join(b"%d:%d\n" % (number, delay) for number, delay in enumerate(delays))
    result = plane.run({"in/a": lines}, behave, strategy=Strategy.SINGLE_RECORD, max_concurrent=concurrency)
    assert result.outputs == {"out/a.out": lines}


NAMES = st.sampled_from(["a", "b", "id", "features", "x_1"])
NUMBERS = st.integers(-4, 4)
SLICES = st.tuples(st.none() | NUMBERS, st.none() | NUMBERS).map(
    lambda bounds: ":".join("" if bound is None else str(bound) for bound in bounds)
)
SEGMENTS = st.one_of(
    NAMES.map(lambda name: f".{name}"),
    st.just(".*"),
    st.just("[*]"),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "[" + ",".join(f"'{name}'" for name in names) + "]"),
    SLICES.map(lambda part: f"[{part}]"),
    # The library cannot read a slice without a start that comes after an index.
    st.lists(NUMBERS.map(str) | SLICES.filter(lambda part: part[0] != ":"), min_size=1, max_size=3).map(
        lambda parts: f"[{','.join(parts)}]"
    ),
)
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda segments: "$" + "".join(segments))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(NAMES, children, max_size=4),
    max_leaves=20,
)


# The library reads a document that is a text as JSON.
@given(PATHS, DOCUMENTS.filter(lambda document: not isinstance(document, str)))
def test_filters_select_what_a_jsonpath_library_selects(path: str, document: Any) -> None:
    assert jsonpath.parse(path).nodes(document) == peer.findall(path, document)


@given(st.text(alphabet="$.[]*'a1:,- @?()\"", max_size=12))
def test_whatever_is_accepted_is_jsonpath(path: str) -> None:
    try:
        jsonpath.parse("$" + path)
    except jsonpath.FilterSyntaxError:
        return
    # `.['a']` is SageMaker's own addition; the library cannot read a slice without a start that comes after a comma.
    peer.compile(re.sub(r",(\s*):", r",\g<1>0:", "$" + path.replace(".[", "[")))


ROWS = st.lists(
    st.lists(st.text(alphabet='ab ,"\r0.é', max_size=4), min_size=1, max_size=4).map(tuple), min_size=1, max_size=6
)


@USES_FIXTURE
@given(ROWS)
def test_a_csv_join_keeps_every_field(plane: Any, rows: list[tuple[str, ...]]) -> None:
    quoted = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    data = "".join(f"{row}\n" for row in quoted).encode()
    result = plane.run(
        {"in/a": data},
        lambda body: Answer(body=b"7\n" * body.count(b"\n")),
        processing=DataProcessing(join_input=True, output_filter="$[0:-1]"),
    )
    again = plane.run(
        {"in/a": result.outputs["out/a.out"]},
        lambda body: Answer(body=b"7\n" * body.count(b"\n")),
        processing=DataProcessing(join_input=True, output_filter="$[0:-1]"),
    )
    assert result.outputs == again.outputs
    assert result.outcome.status == "Completed"


@USES_FIXTURE
@given(st.lists(DOCUMENTS, min_size=1, max_size=5))
def test_a_json_join_keeps_every_value(plane: Any, documents: list[Any]) -> None:
    data = "".join(json.dumps(document) + "\n" for document in documents).encode()
    types = {"content_type": "application/jsonlines", "accept": "application/jsonlines"}
    result = plane.run({"in/a": data}, echo, processing=DataProcessing(join_input=True), **types)
    joined = [json.loads(line) for line in result.outputs["out/a.out"].splitlines()]
    expected = [
        {**(document if isinstance(document, dict) else {"SageMakerInput": document}), "SageMakerOutput": document}
        for document in documents
    ]
    assert joined == expected


@pytest.mark.parametrize(
    "text",
    ["", "a", "$..a", "$[?(@.a)]", "$[1:4:2]", "$['a.b']", "$['a',1]", "$[", "$.", "$[]", "$[01]", "$.1", "$.-a"],
)
def test_what_is_not_in_the_subset_is_refused(text: str) -> None:
    with pytest.raises(jsonpath.FilterSyntaxError, match="filter"):
        jsonpath.parse(text)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        pytest.param("$", [1], [1], id="all"),
        pytest.param("$.a", {"a": [1]}, [1], id="a name gives the value"),
        pytest.param("$.a.b", {"a": {"b": 2}}, 2, id="names nest"),
        pytest.param("$['a']", {"a": 1}, 1, id="a quoted name gives the value"),
        pytest.param("$['a','b']", {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2}, id="names give an object"),
        pytest.param("$.f.['a','b']", {"f": {"a": 1, "b": 2}}, {"a": 1, "b": 2}, id="a dot before a bracket"),
        pytest.param("$[0]", [5, 6], 5, id="an index gives the value"),
        pytest.param("$[0,-1]", [5, 6, 7], [5, 7], id="indexes give a list"),
        pytest.param("$[1:]", [5, 6, 7], [6, 7], id="a slice gives a list"),
        pytest.param("$.id.*", {"id": {"x": 1, "y": 2}}, [1, 2], id="a wildcard gives a list"),
    ],
)
def test_what_is_selected_keeps_its_form(path: str, value: Any, expected: Any) -> None:
    assert jsonpath.parse(path).project(value) == expected
