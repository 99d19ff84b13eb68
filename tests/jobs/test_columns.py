"""Columns that fit a model and columns that do not; a correct input is never refused."""

import csv

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.columns import Finding, Reader, Sample, findings
from localcloud.containers.xgboost import payload

XGBOOST = Reader(features=3, numbers_only=True)


def found(
    text: str | bytes, input_filter: str | None = None, reader: Reader = XGBOOST, *, whole: bool = True
) -> list[Finding]:
    head = text.encode() if isinstance(text, str) else text
    return list(findings(Sample("in.csv", head, whole), input_filter, reader))


@pytest.mark.parametrize(
    ("text", "input_filter"),
    [
        pytest.param("1,2,3\n4,5,6\n", None, id="as many columns as features"),
        pytest.param("1,2,3", None, id="one line without its end"),
        pytest.param("1,2,3\r\n4,5,6\r\n", None, id="lines as Windows ends them"),
        pytest.param("1,,3\n,5,\n", None, id="missing values"),
        pytest.param("nan,1e-3,-.5\n+7,0x,1\n".replace("0x", "08"), None, id="numbers of every form"),
        pytest.param("1;2;3\n4;5;6\n", None, id="semicolons, which the image finds out"),
        pytest.param("1\t2\t3\n4\t5\t6\n", None, id="tabs"),
        pytest.param("7,1,2,3\n8,4,5,6\n", "$[1:]", id="a number as id that is filtered away"),
        pytest.param("ab,1,2,3\ncd,4,5,6\n", "$[1:]", id="a text as id that is filtered away"),
        pytest.param('"a,b",1,2,3\n"c",4,5,6\n', "$[1:]", id="a comma in quotes that is filtered away"),
        pytest.param('x,"1","2","3"\n', "$[1:]", id="quotes, which a filter takes off"),
        pytest.param("1,2,3,x\n4,5,6,y\n", "$[0:3]", id="a range without its end"),
        pytest.param("1,2,x,y\n", "$[0,1,-4]", id="columns by their position"),
        pytest.param("1,2,3,0\n4,5,6,1\n", "$[:-1]", id="a label that is filtered away"),
        pytest.param("\ufeffid,1,2,3\n", "$[1:]", id="a byte-order mark in a column that is filtered away"),
        pytest.param("1,2,3\n", "$.a", id="a filter that is refused elsewhere"),
        pytest.param("1,2,3\n\n\n", None, id="blank lines at the end"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_an_input_that_fits_the_model_is_not_refused(text: str, input_filter: str | None) -> None:
    assert found(text, input_filter) == []


@pytest.mark.parametrize(
    ("text", "input_filter", "words"),
    [
        pytest.param("1,2\n3,4\n", None, ["in.csv has 2 columns", "expects 3", "1,2 and 3,4"], id="too few"),
        pytest.param("1,2,3,4\n5,6,7,8\n", None, ["has 4 columns", "an id or the label left in"], id="too many"),
        pytest.param("5\n6\n", None, ["has 1 column,"], id="one column"),
        pytest.param("1,2,3\n4,5\n", None, ["in.csv, line 2 has 2 columns"], id="a short line"),
        pytest.param(
            "9,1,2\n", "$[1:]", ["has 2 columns after the filter $[1:]"], id="a filter that takes one too many"
        ),
        pytest.param("1,2,3,4,5\n", "$[0:-1]", ["4 or 5 columns after the filter"], id="a range, read either way"),
        pytest.param("id,a,b\n1,2,3\n", None, ["first line", "header (id,a,b)", "remove the header"], id="a header"),
        pytest.param("id,a,b,c\nx,1,2,3\n", "$[1:]", ["looks like a header"], id="a header, and a filter"),
        pytest.param("1,2,3\n4,abc,6\n", None, ["line 2: column 2 is 'abc'", "numbers only"], id="a text"),
        pytest.param("k1,2,3\nk2,5,6\n", None, ["column 1 is 'k1'", "an id or the label"], id="a text as id"),
        pytest.param('Müller "Ö",2,3\n', None, ["column 1 is", 'the first with input_filter="$[1:]"'], id="a name"),
        pytest.param("1 2 x 3,5\n", None, ["seems to be separated by spaces"], id="spaces, and a text"),
        pytest.param("1,NA,3\n", None, ["Leave the field of a missing value empty"], id="a word for a missing value"),
        pytest.param('1,"2",3\n', None, ["does not remove quotes"], id="a number in quotes"),
        pytest.param("0;1;2;3\n0;4;5;6\n", "$[1:]", ["0 columns", "has semicolons"], id="semicolons, and a filter"),
        pytest.param(
            "0,1,2,3\n4,5,6\n",
            "$[1,2,3]",
            ["line 2 (4,5,6)", "$[1,2,3] is out of range: the row has 3 columns"],
            id="a column that a line lacks",
        ),
        pytest.param("\ufeff1,2,3\n", None, ["byte-order mark"], id="a byte-order mark"),
        pytest.param("\ufeff1,2,3\n".encode("utf-16"), None, ["UTF-16"], id="UTF-16"),
        pytest.param(b"1,2,3\n4,\xe4,6\n", None, ["not UTF-8: line 2 has the byte 0xe4"], id="Latin-1"),
        pytest.param(b"\x1f\x8b\x08\0", None, ['set compression_type="Gzip"'], id="gzip"),
    ],
)
def test_an_input_that_does_not_fit_the_model_is_refused(
    text: str | bytes, input_filter: str | None, words: list[str]
) -> None:
    (one,) = found(text, input_filter)
    assert one.is_certain
    assert all(word in one.text for word in words), one.text


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        pytest.param("id,a\n1,2\n", Reader(), id="a header"),
        pytest.param("\ufeff1,2,3\n", Reader(), id="a byte-order mark"),
        pytest.param("1,2\n", Reader(features=3), id="another number of columns than the archive says"),
    ],
)
def test_an_odd_input_of_another_container_is_a_warning(text: str, reader: Reader) -> None:
    (one,) = found(text, None, reader)
    assert not one.is_certain


@pytest.mark.parametrize(
    "text", [pytest.param("a good film\na bad one\n", id="texts"), pytest.param("x,1\n", id="both")]
)
def test_another_container_may_take_texts(text: str) -> None:
    assert found(text, None, Reader()) == []


def test_a_line_that_is_cut_off_by_the_end_of_the_sample_is_not_checked() -> None:
    assert found("1,2,3\n4,5", whole=False) == []


def test_a_model_without_a_number_of_features_accepts_any_number_of_columns() -> None:
    assert found("1,2\n", None, Reader(numbers_only=True)) == []


NUMBERS = st.one_of(
    st.just(""),
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.sampled_from(["nan", "1e5", ".5", "-0", "+3"]),
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=6)


@st.composite
def right_inputs(draw: st.DrawFn) -> tuple[str, str | None, int]:
    """A table of numbers with ids in front or behind, the filter that takes them away, and the number of features."""
    features = draw(st.integers(2, 12))
    before, behind = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    rows = draw(st.lists(st.lists(NUMBERS, min_size=features, max_size=features), min_size=1, max_size=6))
    rows = [row if any(row) else ["1", *row[1:]] for row in rows]
    filters = {
        f"$[{before}:{before + features}]",
        f"$[{','.join(str(before + n) for n in range(features))}]",
        *([f"$[{before}:]"] if not behind else []),
        *([f"$[:-{behind}]"] if behind and not before else []),
    }
    chosen = draw(st.sampled_from(sorted(filters))) if before or behind or draw(st.booleans()) else None
    lines = [[*draw(st.lists(TEXTS, min_size=before, max_size=before)), *row] for row in rows]
    lines = [[*line, *draw(st.lists(TEXTS, min_size=behind, max_size=behind))] for line in lines]
    mark = draw(st.sampled_from(["\n", "\r\n"]))
    return mark.join(map(written, lines)) + draw(st.sampled_from(["", mark])), chosen, features


def written(fields: list[str]) -> str:
    return ",".join(f'"{field.replace(chr(34), chr(34) * 2)}"' if set(field) & set(',"') else field for field in fields)


@given(right_inputs())
@example(("id1,1,2\nid2,3,4\n", "$[1:]", 2))
def test_a_right_input_is_never_refused(case: tuple[str, str | None, int]) -> None:
    text, input_filter, features = case
    assert [one.text for one in found(text, input_filter, Reader(features, numbers_only=True)) if one.is_certain] == []


@st.composite
def tables(draw: st.DrawFn) -> str:
    width, mark = draw(st.integers(2, 6)), draw(st.sampled_from([",", ";", "\t", "|"]))
    cells = st.one_of(NUMBERS, st.sampled_from(["a", '"1"', "NA", "1,5"]))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width + 1), min_size=1, max_size=4))
    return "\n".join(mark.join(row) for row in rows)


@given(tables())
@example("0\t\n\t0\t")  # the end of the last line is stripped, and not its beginning
@example("\t\n0\t0")  # so is a blank line at the beginning
def test_a_table_that_the_image_reads_correctly_is_not_refused(text: str) -> None:
    try:
        read = payload.parse(text.encode(), "text/csv")
    except (payload.PayloadError, csv.Error):
        return
    features = read.num_col() if hasattr(read, "num_col") else read.shape[1]  # pyright: ignore[reportAttributeAccessIssue]
    assert [one.text for one in found(text, None, Reader(features, numbers_only=True)) if one.is_certain] == []
