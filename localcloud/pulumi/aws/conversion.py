"""Converts between Pulumi's properties and the members of AWS's API, by the types that both declare.

A property and a member are the same if their letters are: `sseAlgorithm` and `SSEAlgorithm`. A table has the others. Besides,
Pulumi has an object where the API has a list of at most one item, and a map of tags where it has a list of keys and values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.pulumi.aws.schema import coerced
from localcloud.pulumi.wire import Properties

Names = Mapping[str, str]
"""The API's names of properties, where the letters differ; at every depth at which the API has a member of that name."""

_EMPTY: Mapping[str, Any] = {"string": "", "boolean": False}


def member(members: Iterable[str], name: str, names: Names) -> str | None:
    """The member that a property stands for, or None if it is not among these."""
    if name in names and names[name] in members:
        return names[name]
    return next((found for found in members if found.lower() == name.lower()), None)


def to_api(shape: Any, value: Any, names: Names) -> Any:
    """A value as the API takes it; members without a value, and properties that the API does not have, are left out.

    Args:
        shape: botocore's shape of the value.
        value: the property's value.
        names: names of members that differ from their property's.
    """
    if shape.type_name == "structure":
        return _to_structure(shape, value, names) if isinstance(value, Mapping) else {"Value": value}
    if shape.type_name == "list":
        return [to_api(shape.member, item, names) for item in _listed(shape.member, value)]
    if shape.type_name == "timestamp":
        return datetime.fromisoformat(value)
    return value


def _to_structure(shape: Any, values: Mapping[str, Any], names: Names) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        if value not in (None, "") and (found := member(shape.members, name, names)):
            made[found] = to_api(shape.members[found], value, names)
    return made


def _listed(shape: Any, value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping) and shape.type_name == "structure" and set(shape.members) == {"Key", "Value"}:
        return tag_list(value) or []
    return [value]


def from_api(declared: Any, shape: Any, value: Any, names: Names) -> Any:
    """A value as Pulumi has it.

    Args:
        declared: the property's type, as in `schema.json`.
        shape: botocore's shape of the value.
        value: the API's value.
        names: names of members that differ from their property's.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(declared, str):
        return value
    if "map" in declared:
        return tag_map(value) if isinstance(value, list) else dict(value)
    one = shape.member if shape.type_name == "list" else shape
    items: list[Any] = value if isinstance(value, list) else [value]
    if "list" in declared:
        return [from_api(declared["list"], one, item, names) for item in items]
    return from_structure(declared["object"], one, items[0], names) if items else None


def from_structure(declared: Mapping[str, Any], shape: Any, found: Mapping[str, Any], names: Names) -> Properties:
    """The properties of these declared types in a structure of the API, or in a map of attributes in text."""
    keys = {name: member(found, name, names) for name in declared}
    if shape.type_name == "map":
        return {name: coerced(declared[name], found[key]) for name, key in keys.items() if key}
    return {name: from_api(declared[name], shape.members[key], found[key], names) for name, key in keys.items() if key}


def empty(declared: Any) -> Any:
    """The value of a property that AWS leaves out; None if the property's type has no empty value."""
    if isinstance(declared, str):
        return _EMPTY.get(declared)
    return {"list": list[Any](), "map": dict[str, Any]()}.get(next(iter(declared)))


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    """Tags as most AWS calls take them; None if there are none."""
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())] or None


def tag_map(tags: Any) -> dict[str, str]:
    """Tags as Pulumi has them, from a map or a list of the API, without the tags that AWS sets itself."""
    pairs = tags.items() if isinstance(tags, Mapping) else [(t["Key"], t["Value"]) for t in tags or []]
    return {key: value for key, value in pairs if not key.startswith("aws:")}
