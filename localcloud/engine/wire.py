"""Property values as they travel over gRPC, inside `google.protobuf.Struct`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

from localcloud.engine import urns
from localcloud.engine.errors import EngineError, UnsupportedError
from localcloud.engine.values import (
    UNKNOWN,
    Archive,
    Asset,
    OutputValue,
    Properties,
    ResourceReference,
    Secret,
    Value,
    without_outputs,
)

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a marker, no password
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
BYTES = "803fd3297a5875dc03ca845dda5d2a98"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other side of a connection understands."""

    secrets: bool = True
    references: bool = True
    outputs: bool = False
    asset_contents: bool = True  # without: only the hash is sent


FULL = Peer(outputs=True)
SDK = Peer()


def decode(struct: struct_pb2.Struct, *, outputs: bool = False) -> Properties:
    """The properties in a message; output values are lowered unless asked for."""
    properties = {key: _decode(value) for key, value in struct.fields.items()}
    return properties if outputs else without_outputs(properties)


def decode_value(value: struct_pb2.Value) -> Value:
    return without_outputs(_decode(value))


def _decode(value: struct_pb2.Value) -> Value:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return UNKNOWN if len(text) == 36 and text in UNKNOWN_TEXTS else text
        case "number_value":
            return value.number_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return revive({key: _decode(item) for key, item in value.struct_value.fields.items()})
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case _:
            return None


def revive(fields: dict[str, Any]) -> Value:
    """The special value that a decoded object with the signature key stands for, else the object itself."""
    signature = fields.get(SIGNATURE)
    if signature is None:
        return fields
    match signature:
        case "1b47061264138c4ac30d75fd1eb44270":
            return Secret(fields.get("value"))
        case "c44067f5952c0a294b673a41bacd8c17":
            return _revive_content(Asset, ("text", "path", "uri"), fields)
        case "0def7320c3a5731c473e5ecbe6d01bc7":
            return _revive_content(Archive, ("assets", "path", "uri"), fields)
        case "5cf8f73096256a8f31e491e813e4eb8e":
            return _revive_reference(fields)
        case "d0e6a833031e9bbcd3f4e8bde6ca49a4":
            return OutputValue(
                fields.get("value", UNKNOWN), bool(fields.get("secret")), tuple(fields.get("dependencies") or ())
            )
        case _:
            raise UnsupportedError(f"a property value of the kind with signature {signature}")


def _revive_content(kind: type[Asset | Archive], names: tuple[str, ...], fields: dict[str, Any]) -> Value:
    for name in names:
        # An empty text is a text; an empty path is none.
        if fields.get(name) is not None and (fields[name] or name in ("text", "assets")):
            return kind(name, fields[name], str(fields.get("hash") or ""))
    return kind("", "", str(fields.get("hash") or ""))


def _revive_reference(fields: dict[str, Any]) -> ResourceReference:
    identifier = fields.get("id")
    if "id" in fields and identifier in ("", None):
        identifier = UNKNOWN
    if not isinstance(fields.get("urn"), str):
        raise EngineError("a reference to a resource, among property values, names no URN")
    known = {SIGNATURE, "urn", "id", "packageVersion", "name", "type"}
    return ResourceReference(
        fields["urn"],
        identifier,
        fields.get("packageVersion") or "",
        {key: value for key, value in fields.items() if key not in known},
    )


def encode(properties: Properties, peer: Peer = SDK) -> struct_pb2.Struct:
    """The properties as a message that the peer understands."""
    struct = struct_pb2.Struct()
    fill(struct, properties, peer)
    return struct


def fill(struct: struct_pb2.Struct, properties: Properties, peer: Peer) -> None:
    fields = struct.fields
    for key, value in properties.items():
        _fill(fields[key], value, peer)


def _fill(slot: struct_pb2.Value, value: Value, peer: Peer) -> None:
    kind = type(value)
    if kind is str:
        slot.string_value = value
    elif kind is bool:
        slot.bool_value = value
    elif kind is float or kind is int:
        slot.number_value = value
    elif value is None:
        slot.null_value = struct_pb2.NULL_VALUE
    elif kind is dict:
        slot.struct_value.SetInParent()
        fill(slot.struct_value, value, peer)
    elif kind is list:
        slot.list_value.SetInParent()
        values = slot.list_value.values
        for item in value:
            _fill(values.add(), item, peer)
    else:
        _fill(slot, _spell(value, peer), peer)


def _spell(value: Value, peer: Peer) -> Value:
    match value:
        case Secret():
            return {SIGNATURE: SECRET, "value": value.value} if peer.secrets else value.value
        case OutputValue():
            return _spell_output(value, peer)
        case Asset():
            return _spell_content(ASSET, value, peer)
        case Archive():
            return _spell_content(ARCHIVE, value, peer)
        case ResourceReference():
            return _spell_reference(value, peer)
        case _:
            return UNKNOWN_TEXT


def _spell_output(value: OutputValue, peer: Peer) -> Value:
    if not peer.outputs:
        return Secret(value.value) if value.secret else value.value
    spelt: dict[str, Any] = {SIGNATURE: OUTPUT}
    if value.value is not UNKNOWN:
        spelt["value"] = value.value
    if value.secret:
        spelt["secret"] = True
    if value.dependencies:
        spelt["dependencies"] = list(value.dependencies)
    return spelt


def _spell_content(signature: str, value: Asset | Archive, peer: Peer) -> dict[str, Any]:
    spelt: dict[str, Any] = {SIGNATURE: signature}
    if value.hash:
        spelt["hash"] = value.hash
    if value.kind and (peer.asset_contents or not value.hash):
        spelt[value.kind] = value.content
    return spelt


def _spell_reference(value: ResourceReference, peer: Peer) -> Value:
    if not peer.references:
        return value.urn if value.id is None else value.id
    spelt: dict[str, Any] = {SIGNATURE: REFERENCE, "urn": value.urn, **value.extra}
    spelt |= {"name": urns.name_of(value.urn), "type": urns.type_of(value.urn)}
    if value.id is not None:
        spelt["id"] = "" if value.id is UNKNOWN else value.id
    if value.package_version:
        spelt["packageVersion"] = value.package_version
    return spelt
