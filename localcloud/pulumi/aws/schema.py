"""The properties that `pulumi-aws` declares, from `schema.json`, and values of their types."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.pulumi.errors import Failure
from localcloud.pulumi.wire import Archive, Asset, Unknown

SCHEMA_FILE = Path(__file__).with_name("schema.json")
_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "asset": (Asset, Archive),
}


@functools.cache
def schema() -> dict[str, Any]:
    """The schema that `sdk_schema` derived from the SDK."""
    return json.loads(SCHEMA_FILE.read_text())


def properties(token: str) -> dict[str, Any]:
    """Inputs, required inputs, outputs and computed inputs of a type."""
    return schema()["resources"][token]


def mistyped(path: str, expected: Any, value: Any) -> Iterator[Failure]:
    """Yield a message for each part of a value that does not have the declared type."""
    if value is None or isinstance(value, Unknown) or expected == "any":
        return
    if isinstance(expected, str):
        if not _is_scalar(expected, value):
            yield Failure(path, f"`{path}` must be of type {expected}, not {_kind(value)}")
    elif "list" in expected:
        yield from _mistyped_list(path, expected["list"], value)
    elif not isinstance(value, Mapping):
        yield Failure(path, f"`{path}` must be an object, not {_kind(value)}")
    else:
        yield from _mistyped_members(path, expected, value)


def _mistyped_list(path: str, expected: Any, value: Any) -> Iterator[Failure]:
    if not isinstance(value, list):
        yield Failure(path, f"`{path}` must be a list, not {_kind(value)}")
        return
    for index, item in enumerate(value):
        yield from mistyped(f"{path}[{index}]", expected, item)


def _mistyped_members(path: str, expected: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[Failure]:
    for name, member in value.items():
        if "map" in expected:
            yield from mistyped(f'{path}["{name}"]', expected["map"], member)
        elif name not in expected["object"]:
            yield Failure(f"{path}.{name}", f"`{path}` has no property `{name}`")
        else:
            yield from mistyped(f"{path}.{name}", expected["object"][name], member)


def _is_scalar(expected: str, value: Any) -> bool:
    if isinstance(value, bool) and expected != "boolean":
        return False
    return isinstance(value, _SCALARS[expected])


def _kind(value: Any) -> str:
    return {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}.get(
        type(value), "an object"
    )


def coerced(expected: Any, value: Any) -> Any:
    """A value converted to its declared type as Pulumi does: "true" to true, 5 to "5"."""
    if isinstance(value, Unknown):
        return value
    if isinstance(expected, str):
        return _coerced_scalar(expected, value)
    if "list" in expected and isinstance(value, list):
        return [coerced(expected["list"], item) for item in value if item is not None]
    if "map" in expected and isinstance(value, Mapping):
        return {name: coerced(expected["map"], item) for name, item in value.items() if item is not None}
    if "object" in expected and isinstance(value, Mapping):
        members = expected["object"]
        return {n: coerced(members.get(n, "any"), item) for n, item in value.items() if item is not None}
    return value


def _coerced_scalar(expected: str, value: Any) -> Any:
    if expected == "string" and isinstance(value, int | float):
        return json.dumps(value)
    if expected in {"boolean", "integer", "number"} and isinstance(value, str):
        return _from_text(expected, value)
    return value


def _from_text(expected: str, value: str) -> Any:
    try:
        plain = json.loads(value)
    except ValueError:
        return value
    return plain if _is_scalar(expected, plain) else value
