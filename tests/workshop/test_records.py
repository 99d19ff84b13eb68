"""Records become tables: numbers as they were written, identifiers as texts, predictions kept apart from the joined input."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.records import Format, kept_columns, scored, table
from workshop.stack import WorkshopError

JSON_LINES = "application/jsonlines"


def rows(body: bytes, content_type: str = "text/csv") -> list[list[Any]]:
    return table(body, content_type).to_numpy(dtype=object).tolist()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"1,2.5\n3,4\n", [[1, 2.5], [3, 4.0]], id="numbers"),
        pytest.param(b"007,a\n012,b\n", [["007", "a"], ["012", "b"]], id="leading zeros make an identifier"),
        pytest.param(b"2024_01\n2024_02\n", [["2024_01"], ["2024_02"]], id="underscores make an identifier"),
        pytest.param(b"123456789012345678901\n", [[1.2345678901234568e20]], id="more digits than an integer holds"),
        pytest.param(b'"a, b",1\n', [["a, b", 1]], id="a comma within quotes"),
        pytest.param(b"\xef\xbb\xbf1\n\n2\n", [[1], [2]], id="a byte-order mark and a blank line"),
        pytest.param(b"0.1,\n,2\n", [[0.1, None], [None, 2.0]], id="empty cells"),
        pytest.param(b"[0.1, 0.7, 0.2]\n", [[0.1, 0.7, 0.2]], id="a list for each record"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_csv_records_are_rows(body: bytes, expected: list[list[Any]]) -> None:
    found = [[None if cell != cell else cell for cell in row] for row in rows(body)]  # noqa: PLR0124  nan alone differs from itself
    assert found == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float_is_read_as_it_was_written(values: list[float]) -> None:
    assert rows("".join(f"{value!r}\n" for value in values).encode()) == [[value] for value in values]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"[1, 2]\n[3, 4]\n", [[1, 2], [3, 4]], id="lists"),
        pytest.param(b"0.25\n0.5\n", [[0.25], [0.5]], id="numbers"),
        pytest.param(b'{"a": 1}\n{"a": 2}\n', [[1], [2]], id="objects"),
        pytest.param(b"[[1, 2], [3, 4]]", [[1, 2], [3, 4]], id="one document of records"),
        pytest.param(
            '["a\u2028b"]\n["c\x85d"]\n'.encode(), [["a\u2028b"], ["c\x85d"]], id="line separators in strings"
        ),
    ],
)
def test_json_records_are_rows(body: bytes, expected: list[list[Any]]) -> None:
    assert rows(body, JSON_LINES) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        pytest.param(b"1,2\n3\n", "text/csv", "record 2 has 1 columns, the first one has 2", id="ragged CSV"),
        pytest.param(b"\xff\n", "text/csv", "byte 0 is not UTF-8 text", id="not text"),
        pytest.param(b"{1}\n", JSON_LINES, "neither JSON nor JSON Lines", id="not JSON"),
        pytest.param(b"[" * 100_000, JSON_LINES, "neither JSON nor JSON Lines", id="lists without end"),
        pytest.param(b"a" * 200_000, "text/csv", "not CSV that can be read: field larger", id="a field without end"),
    ],
)
def test_a_broken_record_is_reported_with_its_place(body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(WorkshopError, match=words):
        table(body, content_type)


@pytest.mark.parametrize(
    ("output_filter", "kept"),
    [
        pytest.param("$", [0, 1, 2, 3], id="all"),
        pytest.param("$[1:]", [1, 2, 3], id="from the second"),
        pytest.param("$[0,-1]", [0, 3], id="first and last"),
        pytest.param("$[0:2]", [0, 1], id="a slice"),
        pytest.param("$.a", [], id="a name, which a list has not"),
        pytest.param("$[", None, id="not a JSONPath"),
    ],
)
def test_a_filter_keeps_columns(output_filter: str, kept: list[int] | None) -> None:
    assert kept_columns(output_filter, 4) == kept


@pytest.mark.parametrize(
    ("result", "form", "predictions"),
    [
        pytest.param(b"0.1\n0.2\n", Format(), {"prediction": [0.1, 0.2]}, id="the answers alone"),
        pytest.param(b"a,1,0.1\nb,2,0.2\n", Format(joined=True), {"prediction": [0.1, 0.2]}, id="joined"),
        pytest.param(
            b"a,0.1\nb,0.2\n",
            Format(joined=True, output_filter="$[0,-1]"),
            {"prediction": [0.1, 0.2]},
            id="joined and filtered",
        ),
        pytest.param(
            b"a,1,[0.1,0.9]\nb,2,[0.2,0.8]\n",
            Format(joined=True),
            {"prediction_0": [0.1, 0.2], "prediction_1": [0.9, 0.8]},
            id="joined with a list",
        ),
        pytest.param(
            b"0.9,no\n0.8,yes\n",
            Format(),
            {"prediction_0": [0.9, 0.8], "prediction_1": ["no", "yes"]},
            id="two answers for each record",
        ),
    ],
)
def test_predictions_are_distinguished_from_what_was_joined(
    result: bytes, form: Format, predictions: dict[str, Any]
) -> None:
    assert scored(result, b"a,1\nb,2\n", form).predictions.to_dict("list") == predictions


def test_a_joined_json_line_carries_its_prediction_under_sagemakers_name() -> None:
    form = Format(JSON_LINES, JSON_LINES, joined=True)
    found = scored(b'{"SageMakerOutput":{"label":1},"key":7}\n', b'{"key":7}\n', form)
    assert found.predictions.to_dict("list") == {"prediction": [1]}
    assert found.inputs is not None
    assert found.inputs.to_dict("list") == {"key": [7]}


def test_a_filter_that_leaves_the_prediction_out_is_reported() -> None:
    with pytest.raises(WorkshopError, match="the job's output filter removes it"):
        scored(b"a\nb\n", b"a,1\nb,2\n", Format(joined=True, output_filter="$[0]"))


def test_a_compressed_input_is_read() -> None:
    found = scored(b"0.1\n", gzip.compress(b"3,4\n"), Format(compressed=True))
    assert found.inputs is not None
    assert found.inputs.to_numpy().tolist() == [[3, 4]]


@pytest.mark.parametrize("given", [b"3,4\n", gzip.compress(b"3,4\n")[:-5]], ids=["plain", "cut off"])
def test_an_input_that_is_not_compressed_as_declared_is_reported(given: bytes) -> None:
    with pytest.raises(WorkshopError, match="the job's input cannot be decompressed by gzip"):
        scored(b"0.1\n", given, Format(compressed=True))


@pytest.mark.parametrize("content_type", ["text/csv", "image/jpeg"])
def test_without_an_answer_for_each_record_there_are_no_input_columns(content_type: str) -> None:
    assert scored(b"0.1\n", b"3,4\n5,6\n", Format(content_type)).inputs is None


def test_the_format_is_that_of_sagemakers_description() -> None:
    described = {
        "TransformInput": {"ContentType": "text/csv", "CompressionType": "Gzip"},
        "TransformOutput": {"Accept": JSON_LINES},
        "DataProcessing": {"OutputFilter": "$[0]", "JoinSource": "Input"},
    }
    assert Format.of(described) == Format("text/csv", JSON_LINES, "$[0]", joined=True, compressed=True)
    assert Format.of({"TransformInput": {}, "TransformOutput": {}}) == Format()
