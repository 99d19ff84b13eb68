"""Property values on the wire, in comparison, in paths and in hashes."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from localcloud.engine import assets, paths, urns, wire
from localcloud.engine.errors import EngineError, UnsupportedError
from localcloud.engine.goals import seconds
from localcloud.engine.values import (
    UNKNOWN,
    Archive,
    Asset,
    OutputValue,
    ResourceReference,
    Secret,
    equal,
    has_unknowns,
    mark_secrets,
    without_secrets,
)

scalars = some.none() | some.booleans() | some.floats(allow_nan=False) | some.text(max_size=8) | some.just(UNKNOWN)
URN = "urn:pulumi:s::p::a:b:C::n"
specials = scalars | some.builds(
    ResourceReference, some.just(URN), some.just("id-1") | some.just(UNKNOWN) | some.none(), some.just("1.0")
)
values = some.recursive(
    specials,
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.text(max_size=5), inner, max_size=3)
        | some.builds(Secret, inner)
    ),
    max_leaves=12,
)


@given(some.dictionaries(some.text(max_size=5), values, max_size=4))
def test_values_survive_the_wire(properties: dict[str, Any]) -> None:
    assert equal(wire.decode(wire.encode(properties)), properties)


@given(some.dictionaries(some.text(max_size=5), values, max_size=4))
def test_a_peer_without_secrets_gets_none(properties: dict[str, Any]) -> None:
    sent = wire.encode(properties, wire.Peer(secrets=False))
    assert wire.SECRET not in str(sent)
    assert equal(wire.decode(sent), without_secrets(properties))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        pytest.param(1, 1.0, True, id="whole numbers have no type"),
        pytest.param(True, 1, False, id="true is no number"),
        pytest.param(Secret("a"), "a", False, id="secretness counts"),
        pytest.param(Asset("text", "a", "h"), Asset("path", "b", "h"), True, id="assets go by hash"),
        pytest.param([1, {"a": None}], [1, {"a": None}], True, id="nested"),
        pytest.param({"a": 1}, {"a": 1, "b": None}, False, id="a null is a key"),
        pytest.param(UNKNOWN, UNKNOWN, True, id="unknown"),
    ],
)
def test_equality(left: Any, right: Any, same: bool) -> None:
    assert equal(left, right) is same


def test_every_unknown_of_the_other_side_is_understood() -> None:
    for text in wire.UNKNOWN_TEXTS:
        struct = wire.encode({"a": [text]})
        assert has_unknowns(wire.decode(struct))


def test_output_values_are_kept_only_when_asked_for() -> None:
    value = {"a": OutputValue("x", secret=True, dependencies=(URN,)), "b": OutputValue(UNKNOWN)}
    struct = wire.encode(value, wire.FULL)
    kept = wire.decode(struct, outputs=True)
    assert kept["a"].dependencies == (URN,)
    assert kept["b"].value is UNKNOWN
    lowered = wire.decode(struct)
    assert equal(lowered, {"a": Secret("x"), "b": UNKNOWN})


def test_unknown_kinds_of_values_are_refused_by_signature() -> None:
    with pytest.raises(UnsupportedError, match=wire.BYTES):
        wire.revive({wire.SIGNATURE: wire.BYTES, "value": "AA=="})


def test_secrets_are_put_back_by_key() -> None:
    like = {"a": Secret(1), "b": {"c": Secret(2)}, "d": [Secret(3)], "e": 4}
    marked = mark_secrets({"a": 1, "b": {"c": 2, "x": 0}, "d": [3], "e": 4}, like)
    assert equal(marked, {"a": Secret(1), "b": {"c": Secret(2), "x": 0}, "d": Secret([3]), "e": 4})


# --- paths


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        pytest.param("a.b[0].c", ("a", "b", 0, "c"), id="names and indices"),
        pytest.param('a["b.c"]["d\\"e"]', ("a", "b.c", 'd"e'), id="quoted"),
        pytest.param("a[*].b.*", ("a", "*", "b", "*"), id="wildcards"),
        pytest.param('["x"].y', ("x", "y"), id="quoted first"),
    ],
)
def test_paths_are_parsed(text: str, steps: tuple[str | int, ...]) -> None:
    assert paths.parse(text) == steps


@pytest.mark.parametrize(
    "text", ["a.", "a[x]", 'a["b', "a[1"], ids=["dot", "name as index", "open quote", "open bracket"]
)
def test_bad_paths_are_refused(text: str) -> None:
    with pytest.raises(EngineError):
        paths.parse(text)


@pytest.mark.parametrize(
    ("new", "old", "path", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, "a", {"a": 2}, id="changed is reset"),
        pytest.param({"a": 1}, {}, "a", {}, id="added is removed"),
        pytest.param({}, {"a": 1}, "a", {"a": 1}, id="removed is put back"),
        pytest.param({"l": [1, 2, 3]}, {"l": [9]}, "l[*]", {"l": [9, 2, 3]}, id="lists keep their length"),
        pytest.param({"a": {"b": 1, "c": 1}}, {"a": {"b": 2}}, "a.b", {"a": {"b": 2, "c": 1}}, id="nested"),
        pytest.param({"a": 1}, {"b": 2}, "x.y", {"a": 1}, id="no match"),
    ],
)
def test_ignored_changes_are_reset(new: Any, old: Any, path: str, expected: Any) -> None:
    assert paths.reset(new, old, paths.parse(path)) == expected


# --- names


def test_urns_say_who_is_whose() -> None:
    group = urns.make("s", "p", "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "my:index:Group", "g")
    thing = urns.make("s", "p", group, "a:b:C", "n::with::colons")
    assert thing == "urn:pulumi:s::p::my:index:Group$a:b:C::n::with::colons"
    assert (urns.type_of(thing), urns.name_of(thing)) == ("a:b:C", "n::with::colons")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("5m", 300.0, id="minutes"),
        pytest.param("1h30m", 5400.0, id="two units"),
        pytest.param("1.5s", 1.5, id="fraction"),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_bad_durations_are_refused() -> None:
    with pytest.raises(EngineError, match="5 minutes"):
        seconds("5 minutes")


# --- assets


def test_text_and_file_assets_hash_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert assets.hash_asset(Asset("text", "abc"), tmp_path) == expected
    assert assets.hash_asset(Asset("path", "f"), tmp_path) == expected


def test_archive_headers_are_valid_tar() -> None:
    """The hashes themselves are compared with recorded ones in the scenario `assets`."""
    name = "d" * 90 + "/" + "f" * 30
    header = assets._tar_header(name, 3)
    with tarfile.open(fileobj=io.BytesIO(header + b"abc".ljust(512, b"\0") + bytes(1024))) as stream:
        assert [(each.name, each.size, each.mode) for each in stream] == [(name, 3, 0o600)]


def test_order_in_an_archive_does_not_depend_on_how_it_is_written(tmp_path: Path) -> None:
    one = Archive("assets", {"a": Asset("text", "1"), "b": Asset("text", "2")})
    other = Archive("assets", {"b": Asset("text", "2"), "a": Asset("text", "1")})
    assert assets.hash_archive(one, tmp_path) == assets.hash_archive(other, tmp_path)


def test_names_that_cannot_be_hashed_as_go_does_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="ASCII"):
        assets._tar_header("ä", 0)
