"""What people see: lines, the live tree, outputs, counts."""

import asyncio
from typing import Any

import pytest

from localcloud.engine.deployment import Outcome
from localcloud.engine.display.digest import Digest
from localcloud.engine.display.progress import Progress
from localcloud.engine.display.text import ago, for_json, harmless, mask, shown
from localcloud.engine.display.tree import Tree, _branched, _Row, _widths
from localcloud.engine.resource import Resource
from localcloud.engine.steps import Op, Step
from localcloud.engine.urns import short_type
from localcloud.engine.values import UNKNOWN, Asset, Secret

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
THING = "urn:pulumi:dev::p::a:b:Thing::thing"


def step(op: Op, urn: str = THING) -> Step:
    new = Resource(urn=urn, type=urn.split("::")[2], custom=urn == THING, parent=STACK if urn == THING else "")
    return Step(op, urn, new=new)


def show(display: type[Progress], steps: list[Step], outcome: Outcome, *, preview: bool = False) -> str:
    written: list[str] = []

    async def walk() -> None:
        progress = display("update", "dev", preview, written.append)
        progress.begin()
        for each in steps:
            progress.started(each)
            progress.diagnostic("warning", THING, "careful\x1b[2J")
            progress.finished(each)
        progress.end(outcome)

    asyncio.run(walk())
    return "".join(written)


def test_lines_say_what_is_done_and_the_summary_counts_it() -> None:
    outcome = Outcome(changes={Op.CREATE: 2, Op.SAME: 1, Op.DELETE: 1}, outputs={"a": "x", "s": Secret("hush")})
    text = show(Progress, [step(Op.CREATE)], outcome)
    assert "Updating (dev):\n" in text
    assert " +  a:b:Thing thing creating\n" in text
    assert '  + a: "x"\n  + s: [secret]\n' in text
    assert "    + 2 created\n    - 1 deleted\n    3 changes. 1 unchanged\n" in text
    assert "hush" not in text


def test_previews_say_what_is_to_be_done() -> None:
    text = show(Progress, [step(Op.REPLACE)], Outcome(changes={Op.REPLACE: 1}), preview=True)
    assert text.startswith("Previewing update (dev):\n")
    assert "    +-1 to replace\n" in text
    assert "Duration" not in text


def test_on_a_narrow_terminal_the_status_is_still_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = (
        "urn:pulumi:dev::p::aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration::"
        + ("a-very-long-name-" * 4)
    )
    table = show(Tree, [step(Op.CREATE, long)], Outcome(changes={Op.CREATE: 1})).split("Diagnostics")[0].splitlines()
    row = next(line for line in table if "created (" in line)
    assert len(row.replace("\x1b[2K", "").replace("\x1b[32m", "").replace("\x1b[0m", "")) < 80


@pytest.mark.parametrize(
    ("cells", "width", "columns"),
    [
        pytest.param([("a" * 10, "b" * 10, "created (1.1s)")], 80, (10, 10, 14), id="all fits"),
        pytest.param([("a" * 52, "b" * 60, "created (1.1s)")], 80, (35, 22, 14), id="both give way"),
        pytest.param([("a" * 52, "b" * 10, "created (1.1s)")], 80, (47, 10, 14), id="the type gives way"),
        pytest.param([("a" * 10, "b" * 60, "created (1.1s)")], 80, (10, 47, 14), id="the name gives way"),
        pytest.param([], 80, (4, 4, 6), id="no rows yet"),
    ],
)
def test_type_and_name_give_way_to_the_status(
    cells: list[tuple[str, str, str]], width: int, columns: tuple[int, int, int]
) -> None:
    assert _widths(cells, width) == columns


def test_the_tree_puts_resources_under_their_parents() -> None:
    text = show(Tree, [step(Op.CREATE, STACK), step(Op.CREATE)], Outcome(changes={Op.CREATE: 2}))
    table = text.split("Diagnostics")[0].splitlines()
    assert any("  pulumi:pulumi:Stack" in line and "p-dev" in line for line in table)
    assert any("  └─ a:b:Thing" in line and "created" in line for line in table)
    assert "\x1b[2J" not in text
    assert "\\x1b[2J" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\x1b]0;title\x07", "\\x1b]0;title\\x07", id="title"),
        pytest.param("a\rb", "a\\rb", id="carriage return"),
        pytest.param("\u202eevil", "\\u202eevil", id="right to left"),
        pytest.param("\x9b2J", "\\x9b2J", id="C1"),
        pytest.param("tab\tline\nüñí", "tab\tline\nüñí", id="ordinary text stays"),
    ],
)
def test_control_sequences_are_spelt_out(text: str, expected: str) -> None:
    assert harmless(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("x", '"x"', id="text"),
        pytest.param(2.0, "2", id="whole number"),
        pytest.param(
            {"long": 1, "a": Secret(1)}, "{\n        a   : [secret]\n        long: 1\n    }", id="secret inside"
        ),
        pytest.param(["x", {}], '[\n        [0]: "x"\n        [1]: {}\n    ]', id="list"),
        pytest.param(None, "<null>", id="nothing"),
        pytest.param(UNKNOWN, "[unknown]", id="unknown"),
    ],
)
def test_values_are_shown(value: Any, expected: str) -> None:
    assert shown(value) == expected


def test_secrets_are_shown_only_when_asked_for() -> None:
    assert for_json({"a": [Secret("x")]}, show_secrets=True) == {"a": ["x"]}
    assert for_json(Asset("text", "x", "abcdefgh")) == "asset(abcdefg)"


def test_the_lines_of_the_tree_join_what_belongs_together() -> None:
    def row(name: str) -> _Row:
        return _Row(f"urn:pulumi:dev::p::a:b:Thing::{name}", "", Op.CREATE)

    rows = [(row("stack"), 0), (row("a"), 1), (row("b"), 2), (row("c"), 1)]
    assert [branch for _, branch in _branched(rows)] == ["", "├─ ", "│  └─ ", "└─ "]


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        pytest.param("aws:s3/bucket:Bucket", "aws:s3:Bucket", id="module that repeats the name"),
        pytest.param("kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v3:Release", id="module that does not"),
        pytest.param("pulumi:providers:aws", "pulumi:providers:aws", id="provider"),
    ],
)
def test_types_are_shown_short(type_: str, expected: str) -> None:
    assert short_type(type_) == expected


def test_a_wait_that_goes_on_is_told_in_a_line_of_its_own() -> None:
    written: list[str] = []
    progress = Progress("update", "dev", False, written.append)  # noqa: FBT003  as `make` calls it
    progress.started(step(Op.CREATE))
    progress.diagnostic("info", THING, "InProgress\x1b[2J", ephemeral=True)
    assert written[-1] == "    a:b:Thing thing InProgress\\x1b[2J (0s)\n"
    assert progress.diagnostics == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("the key is hunter2!", "the key is [secret]!", id="within a text"),
        pytest.param('{"k": "a\\"b"}', '{"k": "[secret]"}', id="as JSON spells it"),
        pytest.param("true ab", "true ab", id="what anything may hold stays"),
    ],
)
def test_secrets_of_the_configuration_are_hidden(text: str, expected: str) -> None:
    assert mask(["hunter2", "hunter", 'a"b', "true", "ab"])(text) == expected


@pytest.mark.parametrize("display", [Progress, Tree, Digest], ids=["lines", "tree", "document"])
def test_no_display_lets_a_secret_of_the_configuration_out(display: type[Progress]) -> None:
    async def walk() -> str:
        written: list[str] = []
        progress = display("update", "dev", False, written.append)  # noqa: FBT003  as `make` calls it
        progress.mask = mask(["hunter2"])
        progress.begin()
        one = step(Op.CREATE)
        one.resource.outputs = {"key": "hunter2"}
        progress.started(one)
        progress.output("printed hunter2")
        progress.finished(one)
        progress.started(two := step(Op.UPDATE))
        progress.failed(two, "refused hunter2")
        progress.end(Outcome(outputs={"key": "hunter2"}))
        return "".join(written)

    text = asyncio.run(walk())
    assert "[secret]" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "now"), (1, "1 second ago"), (125, "2 minutes ago"), (3600, "1 hour ago"), (200_000, "2 days ago")],
)
def test_how_long_something_is_past_is_put_in_words(seconds: float, words: str) -> None:
    assert ago(seconds) == words
