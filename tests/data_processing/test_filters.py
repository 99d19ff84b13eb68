"""SageMaker's filters: those that can be read, and the messages about the others before a job runs."""

from __future__ import annotations

import re

import jsonpath as peer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.content_types import CSV, JSON_LINES, Stage, problems, refusal
from data_processing.filters import ColumnRangeError, FilterSyntaxError, parse


@given(st.text(alphabet="$.[]*'a1:,- @?()\"", max_size=12))
def test_whatever_is_accepted_is_jsonpath(path: str) -> None:
    try:
        read = parse("$" + path)
    except FilterSyntaxError:
        return
    # `.['a']` is SageMaker's own addition; the library cannot read a slice without a start that comes after a comma.
    peer.compile(re.sub(r",(\s*):", r",\g<1>0:", "$" + path.replace(".[", "[")))
    peer.compile(read.rfc9535)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "$..a",
        "$[?(@.a)]",
        "$[1:4:2]",
        "$['a.b']",
        "$['a',1]",
        "$[",
        "$[1:",
        "$.",
        "$[]",
        "$[01]",
        "$.1",
        "$.-a",
    ],
)
def test_a_filter_beyond_the_subset_cannot_be_read(text: str) -> None:
    with pytest.raises(FilterSyntaxError, match="filter"):
        parse(text)
    (problem,) = problems("InputFilter", text, None)
    assert problem.stage is Stage.SYNTAX
    assert problem.message.startswith(f'Invalid InputFilter: "{text}". Filter ')


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        pytest.param("$", CSV, id="everything"),
        pytest.param("$[1:]", CSV, id="a range"),
        pytest.param("$[0,-1]", CSV, id="single indexes"),
        pytest.param("$[*]", CSV, id="a wildcard"),
        pytest.param("$.features", JSON_LINES, id="a name"),
        pytest.param("$['id','SageMakerOutput']", "application/jsonlines; charset=utf-8", id="names"),
        pytest.param("$.a.['b'][0].c", "application/json", id="a nested path"),
        pytest.param("$.a_b", "text/libsvm", id="a type of which nothing is known"),
        pytest.param("$" + ".a" * 31, None, id="63 characters"),
    ],
)
def test_a_filter_that_sagemaker_accepts_has_no_problem(text: str, content_type: str | None) -> None:
    assert list(problems("OutputFilter", text, content_type)) == []


@pytest.mark.parametrize("text", ["$[0:2,3:]", "$[0:1,3]", "$[0,2:]"])
@pytest.mark.parametrize("content_type", [CSV, JSON_LINES])
def test_a_range_beside_other_selectors_is_reported_to_fail_the_job(text: str, content_type: str) -> None:
    (problem,) = problems("OutputFilter", text, content_type)
    assert problem.stage is Stage.REPORTED_FAILURE
    assert problem.message == (
        f"Invalid JsonPath: {text}: only single range filters of format (eg: [1:5]) are supported. "
        f"Format {text[1:]} is not supported"
    )
    assert refusal("OutputFilter", text, content_type) is None


@pytest.mark.parametrize("text", ["$.a_b", "$['a_b']", "$['id','a_b']"])
def test_an_underscore_is_reported_to_be_refused(text: str) -> None:
    (problem,) = problems("OutputFilter", text, JSON_LINES)
    assert problem.stage is Stage.REPORTED_REFUSAL
    assert refusal("OutputFilter", text, JSON_LINES) == problem.message
    assert problem.message == (
        f'Invalid OutputFilter: "{text}". Unexpected "_" in JsonPath. Supported operators for "application/jsonlines" '
        "are ['$', '[', ']', '*', '.', ' ', ',', ':', '-', ''']"
    )


@pytest.mark.parametrize("text", ["$.a", "$['a']", "$.*", "$[0].a"])
def test_a_csv_row_has_no_names(text: str) -> None:
    refused = refusal("InputFilter", text, CSV)
    assert refused is not None
    assert refused.endswith("""Supported operators for "text/csv" are ['$', '[', ']', '*', ' ', ',', ':', '-']""")


def test_a_csv_row_is_not_nested() -> None:
    (problem,) = problems("InputFilter", "$[0][1]", CSV)
    assert problem.stage is Stage.REPORTED_FAILURE
    assert "select by index" in problem.message


def test_a_filter_has_at_most_63_characters() -> None:
    (problem,) = problems("InputFilter", "$" + "." * 63, CSV)
    assert problem.message == "InputFilter has 64 characters; the most is 63"


@pytest.mark.parametrize(
    ("text", "selected", "with_ends"),
    [
        pytest.param("$", [0, 1, 2, 3], [0, 1, 2, 3], id="all"),
        pytest.param("$[*]", [0, 1, 2, 3], [0, 1, 2, 3], id="all, as a wildcard"),
        pytest.param("$[-1,0]", [3, 0], [3, 0], id="the last and the first"),
        pytest.param("$[0,2:]", [0, 2, 3], [0, 2, 3], id="one and a range"),
        pytest.param("$[1:3]", [1, 2], [1, 2, 3], id="a bounded range"),
        pytest.param("$[:-1]", [0, 1, 2], [0, 1, 2, 3], id="a range to the last"),
        pytest.param("$[0:9]", [0, 1, 2, 3], [0, 1, 2, 3], id="a range beyond the end"),
    ],
)
def test_a_filter_selects_columns(text: str, selected: list[int], with_ends: list[int]) -> None:
    assert parse(text).columns(4) == selected
    assert parse(text).columns(4, end_included=True) == with_ends


@pytest.mark.parametrize("text", ["$[4]", "$[-5]", "$[0,9]"])
def test_a_missing_column_is_an_error(text: str) -> None:
    with pytest.raises(ColumnRangeError, match="out of range: the row has 4 columns"):
        parse(text).columns(4)


def test_a_name_selects_no_column() -> None:
    with pytest.raises(ValueError, match="does not select columns"):
        parse("$.a").columns(4)
