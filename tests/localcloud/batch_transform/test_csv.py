"""CSV as it is filtered, joined and refused, and the lines in the object's log."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_processing.filters import parse
from localcloud.batch_transform import csv_rows
from localcloud.batch_transform.errors import RecordError
from localcloud.batch_transform.job import DataProcessing, Strategy
from localcloud.go.build import go_environment
from localcloud.go.programs import PULUMI
from tests.localcloud.batch_transform.doubles import Answer, each_line, echo

CLIENT_ERROR = "ClientError: See job logs for more information"
JOIN = DataProcessing(join_input=True)
BOTH = DataProcessing("$[0:]", join_input=True, output_filter="$[0:]")


@pytest.mark.parametrize(
    ("record", "processing", "answer", "sent", "expected"),
    [
        pytest.param(
            b"5575-GNVDE,1,0\n",
            DataProcessing("$[1:]", join_input=True, output_filter="$[0,-1]"),
            b"0.018957199528813362\n",
            b"1,0\n",
            b"5575-GNVDE,0.018957199528813362\n",
            id="the id is kept from the model and joined with its answer",
        ),
        pytest.param(
            b"1,2,3\n", DataProcessing(join_input=True), b"1\n", b"1,2,3\n", b"1,2,3,1\n", id="the answer comes last"
        ),
        pytest.param(
            b'a,"b,c"\n',
            DataProcessing(join_input=True),
            b"1\n",
            b'a,"b,c"\n',
            b'a,"b,c",1\n',
            id="quotes are understood",
        ),
        pytest.param(
            b"1\n", DataProcessing(output_filter="$[1]"), b"a,b\n", b"1\n", b"b\n", id="an output filter needs no join"
        ),
        pytest.param(
            b"1,2\n",
            DataProcessing(join_input=True),
            b"7,8\n",
            b"1,2\n",
            b"1,2,7,8\n",
            id="several answers, several columns",
        ),
    ],
)
def test_csv_is_filtered_and_joined(
    plane: Any, record: bytes, processing: DataProcessing, answer: bytes, sent: bytes, expected: bytes
) -> None:
    result = plane.run({"in/a.csv": record}, each_line(lambda _: answer.strip()), processing=processing)
    assert result.bodies == [sent]
    assert result.outputs == {"out/a.csv.out": expected}


@pytest.mark.parametrize("output_filter", ["$[0:2,3:]", "$[0:1,3]", "$[0,2:]"])
def test_a_slice_beside_other_selectors_fails_the_object(plane: Any, output_filter: str) -> None:
    processing = DataProcessing(join_input=True, output_filter=output_filter)
    result = plane.run({"in/a.csv": b"id1,a,1,2\n"}, lambda _: Answer(body=b"0.5\n"), processing=processing)
    text = (
        f"Invalid JsonPath: {output_filter}: only single range filters of format (eg: [1:5]) are supported. "
        f"Format {output_filter[1:]} is not supported"
    )
    assert (result.outcome.reason, result.outputs, result.bodies) == (CLIENT_ERROR, {}, [])
    assert result.logs.lines[1:] == [
        "b/in/a.csv: ClientError: 400",
        "b/in/a.csv: ",
        "b/in/a.csv: Message:",
        f"b/in/a.csv: {text}",
    ]


def test_an_output_filter_out_of_range_fails_the_object(plane: Any) -> None:
    processing = DataProcessing(join_input=True, output_filter="$[9]")
    result = plane.run({"in/a.csv": b"1,2,3\n"}, processing=processing)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert result.outputs == {}


@pytest.mark.parametrize(
    ("record", "rewritten"),
    [
        pytest.param(b'"a""b",2', b'"a""b",2', id="a doubled quote"),
        pytest.param(b'"a",2', b"a,2", id="quotes that are not needed"),
        pytest.param(b"a,2\r", b"a,2", id="CRLF"),
        pytest.param(b"a,2,", b"a,2,", id="a trailing delimiter"),
        pytest.param(b",,", b",,", id="empty fields"),
        pytest.param(b"\xef\xbb\xbfa,2", b"\xef\xbb\xbfa,2", id="a byte-order mark"),
        pytest.param(b"a\0b,2", b"a\0b,2", id="a NUL"),
        pytest.param(b"\xff,2", b"\xff,2", id="bytes that are no text"),
        pytest.param(b" a,2", b'" a",2', id="a field that begins with a space"),
        pytest.param(b"x\r,2", b'"x\r",2', id="a carriage return inside a row"),
        pytest.param(b"\\.,2", b'"\\.",2', id="what ends the data for some databases"),
    ],
)
def test_a_row_passes_as_it_is_and_is_rewritten_by_filters_and_joins(
    plane: Any, record: bytes, rewritten: bytes
) -> None:
    objects = {"in/a.csv": record + b"\n"}
    one = each_line(lambda _: b"7")
    assert plane.run(objects, echo).outputs == {"out/a.csv.out": record + b"\n"}
    assert plane.run(objects, one, processing=JOIN).outputs == {"out/a.csv.out": rewritten + b",7\n"}
    assert plane.run(objects, one, processing=DataProcessing("$[0:]")).bodies == [rewritten + b"\n"]
    last = DataProcessing("$[:]", join_input=True, output_filter="$[0:-1]")
    assert plane.run(objects, one, processing=last, strategy=Strategy.SINGLE_RECORD).outputs == {
        "out/a.csv.out": rewritten + b"\n"
    }


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param(
            b'7,5" pipe,x', 'bare " in non quoted field found near: 5" pipe', id="a quote in a field without quotes"
        ),
        pytest.param(b'x, "a"', 'bare " in non quoted field found near:  "a"', id="a space before a quote"),
        pytest.param(
            b'\xef\xbb\xbf"a",2', 'bare " in non quoted field found near: ', id="a byte-order mark before one"
        ),
        pytest.param(b'1,"a"b,2', 'extraneous " in quoted field found near: "a"b', id="text behind a quoted field"),
        pytest.param(b'1,"a', 'quoted field is not closed on its line, found near: "a', id="a quote that does not end"),
        pytest.param(b'1,"', 'quoted field is not closed on its line, found near: "', id="a quote at the end"),
        pytest.param(b'1,"a\r', 'quoted field is not closed on its line, found near: "a', id="the same before CRLF"),
    ],
)
@pytest.mark.parametrize(
    "processing",
    [
        pytest.param(JOIN, id="join"),
        pytest.param(DataProcessing("$[1:]"), id="input filter"),
        pytest.param(BOTH, id="filters and join"),
    ],
)
def test_a_misplaced_quote_fails_its_object(plane: Any, record: bytes, reason: str, processing: DataProcessing) -> None:
    objects = {"in/a.csv": b"1,2\n" + record + b"\n3,4\n", "in/b.csv": b"5,6\n"}
    result = plane.run(objects, each_line(lambda _: b"7"), processing=processing)
    assert (result.outcome.reason, list(result.outputs)) == (CLIENT_ERROR, ["out/b.csv.out"])
    code, blank, message, text, where = [line.removeprefix("b/in/a.csv: ") for line in result.logs.lines[1:]]
    assert (code, blank, message) == ("ClientError: 400", "", "Message:")
    assert text.startswith(f"Failed to parse input as CSV: {reason}")
    assert where.startswith("Line 2 of the object: ")


def test_without_filter_and_join_rows_are_not_parsed(plane: Any) -> None:
    data = b'7,5" pipe,x\n"a\n\n\xff\0'
    assert plane.run({"in/a.csv": data}, echo, assemble_line=False).outputs == {"out/a.csv.out": data}


@pytest.mark.parametrize("strategy", [pytest.param(one, id=str(one)) for one in Strategy])
def test_a_newline_inside_quotes_ends_the_record(plane: Any, strategy: Strategy) -> None:
    result = plane.run({"in/a.csv": b'1,"a\nb"\n'}, each_line(lambda _: b"7"), processing=JOIN, strategy=strategy)
    assert result.outcome.reason == CLIENT_ERROR
    assert 'not closed on its line, found near: "a' in result.logs.lines[4]


def test_blank_lines_are_not_rows(plane: Any) -> None:
    objects = {"in/a.csv": b"1,2\n\n3,4\n\r\n\n"}
    two = lambda _: Answer(body=b"7\n\n8\n")  # noqa: E731  an answer with a blank line
    assert plane.run(objects, two, processing=JOIN).outputs == {"out/a.csv.out": b"1,2,7\n3,4,8\n"}
    filtered = plane.run(objects, two, processing=DataProcessing("$[1:]", join_input=True))
    assert (filtered.bodies, filtered.outputs) == ([b"2\n4\n"], {"out/a.csv.out": b"1,2,7\n3,4,8\n"})


def test_a_blank_line_alone_in_its_request_gives_no_row(plane: Any) -> None:
    one = each_line(lambda _: b'"7"')
    result = plane.run({"in/a.csv": b'"1"\n\n2\n'}, one, processing=JOIN, strategy=Strategy.SINGLE_RECORD)
    assert result.outputs == {"out/a.csv.out": b"1,7\n2,7\n"}


@pytest.mark.parametrize("end", [b"\n", b"", b"\n\n"], ids=["newline", "no newline", "blank line"])
@pytest.mark.parametrize("width", [300_000, 2**20 - 1, 1000])
def test_filtered_records_fill_bodies_up_to_the_payload(plane: Any, width: int, end: bytes) -> None:
    """Whatever is cut where: each record is sent once and joined with its own answer."""
    rows = [b"%d,%s" % (number, b"x" * width) for number in range(4 * 2**20 // width)]
    data = b"\n\n".join(rows) + end
    lengths = each_line(lambda line: b"%d" % len(line))
    processing = DataProcessing("$[1:]", join_input=True, output_filter="$[0,-1]")
    result = plane.run({"in/a.csv": data}, lengths, processing=processing, max_payload_mb=1)
    assert result.outputs == {"out/a.csv.out": b"".join(b"%d,%d\n" % (number, width) for number in range(len(rows)))}
    assert all(len(body) <= 2**20 for body in result.bodies)
    sent = [line for body in result.bodies for line in body.removesuffix(b"\n").split(b"\n")]
    assert sent == [b"x" * width] * len(rows)
    assert len(result.bodies) == -(-len(rows) // (2**20 // (width + 1)))


def test_a_filtered_record_larger_than_the_payload_fails_its_object(plane: Any) -> None:
    data = b"1,x\n\n2," + b"x" * 2**20 + b"\n"
    result = plane.run({"in/a.csv": data}, processing=DataProcessing("$[1:]"), max_payload_mb=1)
    assert result.outcome.reason == CLIENT_ERROR
    assert result.logs.lines[-1].startswith("b/in/a.csv: Line 3 of the object: 2,xxx")


def test_a_failure_behind_blank_lines_names_its_line(plane: Any) -> None:
    result = plane.run({"in/a.csv": b'1\n\n\nx"\n'}, processing=DataProcessing("$[0]"))
    assert result.logs.lines[-1] == 'b/in/a.csv: Line 4 of the object: x"'


@pytest.mark.parametrize(
    ("answer", "near"),
    [
        pytest.param(b'{\n    "predictions": [\n0.5,0.6,0.7,0.8\n]}', '    "predictions": [', id="names in quotes"),
        pytest.param(b"[\n1,\n2\n]", "[\\n1,\\n2\\n]", id="no quotes at all"),
    ],
)
def test_an_answer_that_is_a_json_document_is_not_csv(plane: Any, answer: bytes, near: str) -> None:
    result = plane.run({"in/a.csv": b"1\n2\n3\n4\n"}, lambda _: Answer(body=answer), processing=JOIN)
    assert (result.outcome.reason, result.outputs) == (CLIENT_ERROR, {})
    assert result.logs.lines[4].startswith("b/in/a.csv: Failed to parse output from the algorithm as CSV: ")
    assert result.logs.lines[4].endswith(f"found near: {near}")


def test_lines_are_counted_after_they_were_parsed(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n2\n"}, lambda _: Answer(body=b'{\n"a": 1\n}'), processing=JOIN)
    assert 'extraneous " in quoted field found near: "a": 1' in result.logs.lines[4]


def test_an_array_for_each_record_is_csv(plane: Any) -> None:
    """As the XGBoost container answers for several classes."""
    result = plane.run({"in/a.csv": b"1\n2\n"}, lambda _: Answer(body=b"[0.1,0.9]\n[0.2,0.8]\n"), processing=JOIN)
    assert result.outputs == {"out/a.csv.out": b"1,[0.1,0.9]\n2,[0.2,0.8]\n"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"output_filter": "$.a"}, "Invalid JsonPath: $.a: a CSV row has no names", id="a name"),
        pytest.param({"output_filter": "$[2]"}, "Filter $[2] is out of range: the row has 2 columns", id="an index"),
        pytest.param({"input_filter": "$[-3]"}, "Filter $[-3] is out of range: the row has 1 columns", id="on input"),
        pytest.param({"output_filter": "$[2,-1]"}, "Filter $[2,-1] is out of range: the row has 2", id="one of two"),
        pytest.param({"output_filter": "$[0,-3]"}, "Filter $[0,-3] is out of range: the row has 2", id="from the end"),
    ],
)
@pytest.mark.parametrize("record", [b"1", b'"1"'], ids=["without quotes", "with quotes"])
def test_a_filter_that_a_row_cannot_serve_fails_the_object(
    plane: Any, settings: dict[str, Any], message: str, record: bytes
) -> None:
    processing = DataProcessing(join_input=True, **settings)
    result = plane.run({"in/a.csv": record + b"\n"}, lambda _: Answer(body=b"1\n"), processing=processing)
    assert result.outcome.reason == CLIENT_ERROR
    assert message in result.logs.lines[4]


FIELDS = st.text(alphabet='ab ,"\r\t0.é\\\0\xa0', max_size=4)
LINES = st.text(alphabet='ab,"\r é\0\\.', max_size=12).filter(lambda line: line.strip("\r"))
CUTS = st.sampled_from(
    ["$[0]", "$[-1]", "$[0,-1]", "$[1,-2]", "$[1:]", "$[:2]", "$[1:3]", "$[:-1]", "$[-2:]", "$[1,0,1]"]
)


@given(st.lists(LINES, min_size=1, max_size=5), st.lists(LINES, min_size=5, max_size=5), CUTS)
@example(["a"], ['"b,c"', "d", "e", "f", "g"], "$[0,-1]")
def test_many_rows_are_filtered_and_joined_as_each_is_alone(lines: list[str], answers: list[str], text: str) -> None:
    """Many rows are cut at commas, a few are read field by field."""
    records, columns = [line.encode() for line in lines], csv_rows.Columns(parse(text))
    answered = [line.encode() for line in answers[: len(records)]]
    many = 4096 // min(len(b"".join(records)), len(b"".join(answered))) + 1
    alone = outcome(lambda: columns.select(rows_of(records)))
    together = outcome(lambda: columns.select(rows_of(records * many)))
    assert together == (list(alone) * many if isinstance(alone, list) else alone)
    alone = outcome(lambda: columns.select_joined(rows_of(records), rows_of(answered)))
    together = outcome(lambda: columns.select_joined(rows_of(records * many), rows_of(answered * many)))
    assert together == (list(alone) * many if isinstance(alone, list) else alone)


def rows_of(lines: list[bytes]) -> csv_rows.Rows:
    return csv_rows.Rows(b"\n".join(lines), lines)


def outcome(work: Callable[[], Any]) -> Any:
    """What a function returns, or what it raises of which record."""
    try:
        return work()
    except RecordError as error:
        return str(error), error.at


@pytest.fixture(scope="module")
def go_csv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[bytes]], list[Any]]]:
    """Go's encoding/csv: lines in, for each its fields and the row that Go writes of them, or Go's error."""
    folder = tmp_path_factory.mktemp("go")
    (folder / "main.go").write_text((Path(__file__).parent / "go_csv.go.txt").read_text())
    program = folder / "csv"
    go = shutil.which("go")
    assert go, "Go builds the local cloud, so it is on PATH"
    environment = go_environment(cache=None) | {"GO111MODULE": "off", "GOFLAGS": ""}
    # With the compiler's flags of the local cloud's programs: the standard library as they have it is in Go's cache.
    flags = [flag for flag in PULUMI.flags if flag.startswith(("-trimpath", "-gcflags"))]
    subprocess.run([go, "build", *flags, "-o", program, "main.go"], cwd=folder, env=environment, check=True)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        source, target = process.stdin, process.stdout

        def parse_lines(lines: list[bytes]) -> list[Any]:
            source.write(json.dumps([b64encode(line).decode() for line in lines]).encode() + b"\n")
            source.flush()
            return json.loads(target.readline())

        yield parse_lines
        source.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(st.lists(LINES, min_size=1, max_size=30))
def test_rows_are_read_and_written_as_go_does(go_csv: Callable[[list[bytes]], list[Any]], lines: list[str]) -> None:
    encoded = [line.encode() for line in lines]
    theirs = go_csv(encoded)
    wrong = [place for place, one in enumerate(theirs) if one["error"]]
    ours = outcome(lambda: csv_rows.read(encoded))
    if wrong:
        assert ours[1] == wrong[0]
        return
    assert [[b64decode(field).decode("latin-1") for field in one["fields"]] for one in theirs] == ours
    assert [b64decode(one["written"]) for one in theirs] == [row + b"\n" for row in csv_rows.write(ours)]
    assert [csv_rows.write([row]) for row in ours] == [[row] for row in csv_rows.write(ours)]


ROWS = st.lists(st.lists(FIELDS, min_size=1, max_size=4).map(tuple), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(ROWS)
def test_a_join_keeps_every_field(plane: Any, rows: list[tuple[str, ...]]) -> None:
    quoted = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    data = "".join(f"{row}\n" for row in quoted).encode()
    processing = DataProcessing(join_input=True, output_filter="$[0:-1]")
    result = plane.run({"in/a": data}, lambda body: Answer(body=b"7\n" * body.count(b"\n")), processing=processing)
    written = result.outputs["out/a.out"].removesuffix(b"\n").split(b"\n")
    assert [csv_rows.read([line])[0] if line else [""] for line in written] == [
        [field.encode().decode("latin-1") for field in row] for row in rows
    ]
