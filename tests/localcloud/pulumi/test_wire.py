"""Values are the same after encoding and decoding; differences name what changed."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from localcloud.pulumi.difference import Difference, Kind, compare
from localcloud.pulumi.wire import MARK, UNKNOWN, Asset, Urn, decode, encode, is_known

SCALARS = st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS | st.just(UNKNOWN) | st.builds(Asset, hash=st.just("a" * 64), text=st.text(max_size=4)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=3), VALUES, max_size=4))
def test_values_come_back_as_they_went(values: dict[str, Any]) -> None:
    assert decode(encode(values)).values == values


def test_a_secret_is_known_by_its_property() -> None:
    struct = encode({"a": "1", "b": {"c": ["2"]}}, {"b"})
    decoded = decode(struct)
    assert decoded.values == {"a": "1", "b": {"c": ["2"]}}
    assert decoded.secrets == {"b"}


def test_a_secret_deep_inside_makes_its_property_secret() -> None:
    secret = {MARK: "1b47061264138c4ac30d75fd1eb44270", "value": "s"}
    output = {MARK: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": secret}
    struct = struct_pb2.Struct()
    struct.update({"list": [{"deep": secret}], "output": output, "plain": "p"})
    assert decode(struct).secrets == {"list", "output"}
    assert decode(struct).values == {"list": [{"deep": "s"}], "output": "s", "plain": "p"}


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        pytest.param({MARK: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u", "id": "i"}, "i", id="reference with an id"),
        pytest.param({MARK: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u"}, "u", id="reference to a component"),
        pytest.param({MARK: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": 1}, 1, id="output value"),
        pytest.param({MARK: "d0e6a833031e9bbcd3f4e8bde6ca49a4"}, UNKNOWN, id="unknown output value"),
    ],
)
def test_marked_values_are_understood(fields: dict[str, Any], value: Any) -> None:
    struct = struct_pb2.Struct()
    struct.update({"x": fields})
    assert decode(struct).values == {"x": value}


def test_a_value_with_an_unknown_mark_is_refused() -> None:
    struct = struct_pb2.Struct()
    struct.update({"x": {MARK: "0"}})
    with pytest.raises(ValueError, match="does not know"):
        decode(struct)


def test_an_unknown_value_is_never_taken_for_true() -> None:
    assert not is_known({"a": [UNKNOWN]})
    with pytest.raises(TypeError):
        bool(UNKNOWN)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        pytest.param({"a": 1}, {"a": 1.0}, {}, id="one number in two types"),
        pytest.param({"a": True}, {"a": 1}, {"a": Kind.UPDATE}, id="a boolean is no number"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"a.b": Kind.UPDATE, "a.c": Kind.ADD}, id="members"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, {"a[1]": Kind.DELETE}, id="items"),
        pytest.param({"a": {"x.y/z": 1}}, {"a": {}}, {'a["x.y/z"]': Kind.DELETE}, id="a key that is no word"),
        pytest.param({"a": 1}, {"a": UNKNOWN}, {"a": Kind.UPDATE}, id="unknown counts as a change"),
        pytest.param({"a": Asset("h", path="x")}, {"a": Asset("h", text="y")}, {}, id="assets of one content"),
        pytest.param({"a": Asset("h")}, {"a": Asset("i")}, {"a": Kind.UPDATE}, id="assets of other content"),
    ],
)
def test_a_difference_names_what_changed(old: dict[str, Any], new: dict[str, Any], changes: dict[str, Kind]) -> None:
    difference: Difference = compare(old, new)
    assert {c.path: c.kind for c in difference.changes} == changes


def test_a_urn_may_have_separators_in_its_name() -> None:
    urn = Urn.parse("urn:pulumi:local::p::a:b:C$aws:ec2/vpc:Vpc::name::with::colons")
    assert urn == Urn("local", "p", "aws:ec2/vpc:Vpc", "name::with::colons")
