"""Property values as the engine holds them, and the questions asked of them.

Plain values are None, bool, int, float, str, list and dict. Everything else that Pulumi knows (secrets, unknowns, output
values, assets, archives, references to resources) is one of the classes here. Values are never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias

# A property value: see the module's docstring. Recursive types of mixed classes only get in the way of the checker.
Value: TypeAlias = Any
Properties: TypeAlias = dict[str, Any]


class Unknown:
    """A value that only an update will tell."""

    _instance: Self | None = None

    def __new__(cls) -> Self:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """A value that is shown and stored encrypted only."""

    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class OutputValue:
    """A value with what is known of its origin; remote components take and give these."""

    value: Value
    secret: bool = False
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Asset:
    """A file's content: text, or where it is found. Two assets are equal when their hashes are."""

    kind: str  # text, path or uri; empty when only the hash is known
    content: str
    hash: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """A tree of files: a path, a URI, or a map from name to asset or archive."""

    kind: str  # assets, path or uri; empty when only the hash is known
    content: Any
    hash: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ResourceReference:
    """A resource as a property value."""

    urn: str
    id: Value = None  # None for a component, UNKNOWN for a custom resource that is not there yet
    package_version: str = ""
    extra: dict[str, Any] = field(default_factory=dict[str, Any])


def rewrite(value: Value, change: Callable[[Value], Value]) -> Value:
    """The value with every part changed by a function, innermost first; parts that stay the same are shared."""
    kind = type(value)
    if kind is dict:
        return change({key: rewrite(item, change) for key, item in value.items()})
    if kind is list:
        return change([rewrite(item, change) for item in value])
    if kind is Secret:
        return change(Secret(rewrite(value.value, change)))
    if kind is OutputValue:
        return change(OutputValue(rewrite(value.value, change), value.secret, value.dependencies))
    if kind is Archive and value.kind == "assets":
        return change(Archive("assets", rewrite(value.content, change), value.hash))
    return change(value)


def parts(value: Value) -> Iterator[Value]:
    """The value and all values within it."""
    yield value
    kind = type(value)
    if kind is dict:
        for item in value.values():
            yield from parts(item)
    elif kind is list:
        for item in value:
            yield from parts(item)
    elif kind is Secret or kind is OutputValue:
        yield from parts(value.value)


def has_unknowns(value: Value) -> bool:
    return any(part is UNKNOWN or (type(part) is ResourceReference and part.id is UNKNOWN) for part in parts(value))


def has_secrets(value: Value) -> bool:
    return any(type(part) is Secret or (type(part) is OutputValue and part.secret) for part in parts(value))


def without_secrets(value: Value) -> Value:
    """The value with every secret laid open."""
    return rewrite(value, lambda part: part.value if type(part) is Secret else part)


def without_outputs(value: Value) -> Value:
    """The value with output values lowered to secrets, unknowns and plain values."""

    def lower(part: Value) -> Value:
        if type(part) is not OutputValue:
            return part
        return Secret(part.value) if part.secret else part.value

    return rewrite(value, lower)


def plain(value: Value) -> Value:
    """The value without secrets and output values, for comparison."""
    return without_secrets(without_outputs(value))


def equal(left: Value, right: Value) -> bool:
    """Deep equality as the official engine has it: secretness counts, True is not 1, 1 is 1.0, assets go by hash."""
    kind = type(left)
    if kind is bool or type(right) is bool:
        return left is right
    if kind in (int, float):
        return type(right) in (int, float) and left == right
    if kind is not type(right):
        return False
    if kind is dict:
        return len(left) == len(right) and all(key in right and equal(left[key], right[key]) for key in left)
    if kind is list:
        return len(left) == len(right) and all(equal(one, other) for one, other in zip(left, right, strict=True))
    return _equal_special(left, right)


def _equal_special(left: Value, right: Value) -> bool:
    match left:
        case Secret():
            return equal(left.value, right.value)
        case OutputValue():
            return left.secret == right.secret and equal(left.value, right.value)
        case Asset() | Archive():
            return left.hash == right.hash
        case ResourceReference():
            return left.urn == right.urn and equal(left.id, right.id)
        case _:
            return left == right


def mark_secrets(values: Properties, like: Properties) -> Properties:
    """Values made secret wherever the properties of the same key are, for peers that know no secrets.

    Objects are followed key by key; a list becomes secret as a whole when anything in its counterpart is.
    """
    return {key: _mark(value, like[key]) if key in like else value for key, value in values.items()}


def _mark(value: Value, like: Value) -> Value:
    if type(value) is Secret:
        return value
    if type(like) is Secret:
        return Secret(value)
    if type(value) is dict and type(like) is dict:
        return mark_secrets(value, like)
    if type(like) is list and has_secrets(like):
        return Secret(value)
    return value
