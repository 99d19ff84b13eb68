"""Property values as Pulumi sends them: plain JSON values, and marked objects for secrets, assets and references.

A plugin works on plain values. The names of the top-level properties that hold secrets are kept separately, as in the SDK.
A value that a preview does not know yet is `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from google.protobuf import struct_pb2

Properties: TypeAlias = dict[str, Any]

MARK: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_TEXTS: Final = frozenset(
    {
        _UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def names(text: str) -> frozenset[str]:
    """The set of the names of properties in a text that separates them by spaces."""
    return frozenset(text.split())


def present(values: Mapping[str, Any]) -> Properties:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


class Unknown:
    """A value that becomes known only in a deployment."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value was used as a known one")


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Asset:
    """A file or text; a value that comes from state has only its `hash`."""

    hash: str = ""
    text: str | None = None
    path: str | None = None
    uri: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Asset):
            return False
        if self.hash and other.hash:
            return self.hash == other.hash
        return (self.text, self.path, self.uri) == (other.text, other.path, other.uri)

    def __hash__(self) -> int:
        return hash(self.hash)


@dataclass(frozen=True)
class Archive:
    """An archive, kept as it was received, because no resource type here reads one."""

    fields: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Decoded:
    """Plain properties and the names of those that hold a secret."""

    values: Properties
    secrets: frozenset[str]


def decode(struct: struct_pb2.Struct) -> Decoded:
    """Plain properties of a protobuf struct; nulls at the top level are left out."""
    values: Properties = {}
    secrets: set[str] = set()
    for name, value in struct.fields.items():
        plain, secret = _plain(value)
        if plain is not None:
            values[name] = plain
        if secret:
            secrets.add(name)
    return Decoded(values, frozenset(secrets))


def encode(values: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """A protobuf struct of plain properties; the named ones are wrapped as secrets."""
    struct = struct_pb2.Struct()
    for name, value in values.items():
        if value is not None:
            _set(struct.fields[name], {MARK: _SECRET, "value": value} if name in secrets else value)
    return struct


def is_known(value: Any) -> bool:
    """Whether a value contains nothing unknown, at any depth."""
    if isinstance(value, Mapping):
        return all(is_known(v) for v in value.values())
    if isinstance(value, list | tuple):
        return all(is_known(v) for v in value)
    return not isinstance(value, Unknown)


def _plain(value: struct_pb2.Value) -> tuple[Any, bool]:
    """The plain value, and whether it contains a secret."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain_struct(value.struct_value)
    if kind == "list_value":
        items = [_plain(item) for item in value.list_value.values]
        return [plain for plain, _ in items], any(secret for _, secret in items)
    if kind == "string_value":
        text = value.string_value
        return (UNKNOWN if text in _UNKNOWN_TEXTS else text), False
    if kind == "number_value":
        number = value.number_value
        return (int(number) if number.is_integer() else number), False
    return (value.bool_value if kind == "bool_value" else None), False


def _plain_struct(struct: struct_pb2.Struct) -> tuple[Any, bool]:
    mark = struct.fields[MARK].string_value if MARK in struct.fields else ""
    if not mark:
        members = {name: _plain(member) for name, member in struct.fields.items()}
        return {n: plain for n, (plain, _) in members.items()}, any(secret for _, secret in members.values())
    if mark == _SECRET:
        return _plain(struct.fields["value"])[0], True
    if mark == _OUTPUT:
        inner, secret = _plain(struct.fields["value"]) if "value" in struct.fields else (UNKNOWN, False)
        return inner, secret or struct.fields["secret"].bool_value
    return _marked(mark, struct), False


def _marked(mark: str, struct: struct_pb2.Struct) -> Any:
    fields = {name: _plain(member)[0] for name, member in struct.fields.items() if name != MARK}
    if mark == _ASSET:
        return Asset(fields.get("hash") or "", fields.get("text"), fields.get("path"), fields.get("uri"))
    if mark == _ARCHIVE:
        return Archive(tuple(sorted(fields.items())))
    if mark == _REFERENCE:
        identity = fields.get("id")
        return UNKNOWN if isinstance(identity, Unknown) else identity or fields.get("urn")
    raise ValueError(f"a property value is marked {mark}, which this plugin does not know")


def _set(target: struct_pb2.Value, value: Any) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Unknown):
        target.string_value = _UNKNOWN_TEXT
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    else:
        _set_compound(target, value)


def _set_compound(target: struct_pb2.Value, value: Any) -> None:
    if isinstance(value, Asset):
        value = {MARK: _ASSET, **{k: v for k, v in vars(value).items() if v is not None and (k != "hash" or v)}}
    elif isinstance(value, Archive):
        value = {MARK: _ARCHIVE, **dict(value.fields)}
    if isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for name, member in value.items():
            _set(target.struct_value.fields[str(name)], member)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _set(target.list_value.values.add(), item)
    else:
        raise TypeError(f"a property cannot hold a {type(value).__name__}")


@dataclass(frozen=True)
class Urn:
    """The parts of a URN: `urn:pulumi:<stack>::<project>::<types>::<name>`."""

    stack: str
    project: str
    type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Urn:
        """Parse a URN; its name is everything after the third separator."""
        head, project, types, name = text.split("::", 3)
        return cls(head.removeprefix("urn:pulumi:"), project, types.rsplit("$", 1)[-1], name)
