"""Property values as the JSON of state holds them, secrets encrypted."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.engine import wire
from localcloud.engine.errors import SecretsError, StateError
from localcloud.engine.secrets import SecretsManager
from localcloud.engine.values import (
    UNKNOWN,
    Archive,
    Asset,
    OutputValue,
    Properties,
    ResourceReference,
    Secret,
    Value,
    without_secrets,
)

_FLOAT = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


@dataclass(slots=True)
class Codec:
    """Translates property values to and from the JSON of state."""

    secrets: SecretsManager | None
    show_secrets: bool = False

    def encode(self, properties: Mapping[str, Value], context: str) -> dict[str, Any]:
        return {key: self.encode_value(value, context) for key, value in properties.items()}

    def encode_value(self, value: Value, context: str) -> Any:
        kind = type(value)
        if value is None or kind is str or kind is bool or kind is int:
            return value
        if kind is float:
            return encode_number(value)
        if kind is dict:
            return {key: self.encode_value(item, context) for key, item in value.items()}
        if kind is list:
            return [self.encode_value(item, context) for item in value]
        return self._encode_special(value, context)

    def _encode_special(self, value: Value, context: str) -> Any:
        match value:
            case Secret():
                return self._encode_secret(value, context)
            case OutputValue():
                return self.encode_value(Secret(value.value) if value.secret else value.value, context)
            case Asset():
                return _encode_content(wire.ASSET, value, value.content)
            case Archive():
                content = self.encode_value(value.content, context) if value.kind == "assets" else value.content
                return _encode_content(wire.ARCHIVE, value, content)
            case ResourceReference():
                return _encode_reference(value)
            case _:
                return wire.UNKNOWN_TEXT

    def _encode_secret(self, secret: Secret, context: str) -> dict[str, Any]:
        inner = Codec(None, show_secrets=True).encode_value(without_secrets(secret.value), "")
        text = _ENCODER.encode(inner)
        envelope = {wire.SIGNATURE: wire.SECRET}
        if self.show_secrets:
            return {**envelope, "plaintext": text}
        if self.secrets is None:
            raise SecretsError("the state holds a secret, but no secrets provider is set up for this stack")
        return {**envelope, "ciphertext": self.secrets.encrypt(text, context)}

    def decode(self, properties: Mapping[str, Any] | None, context: str) -> Properties:
        return {key: self.decode_value(value, context) for key, value in (properties or {}).items()}

    def decode_value(self, value: Any, context: str) -> Value:
        kind = type(value)
        if kind is str:
            return UNKNOWN if len(value) == 36 and value in wire.UNKNOWN_TEXTS else value
        if kind is list:
            return [self.decode_value(item, context) for item in value]
        if kind is not dict:
            return value
        if value.get(wire.SIGNATURE) == wire.SECRET:
            return self._decode_secret(value, context)
        if value.get(wire.SIGNATURE) == _FLOAT:
            return _decode_float(value)
        return wire.revive({key: self.decode_value(item, context) for key, item in value.items()})

    def _decode_secret(self, envelope: dict[str, Any], context: str) -> Secret:
        text = envelope.get("plaintext")
        if not text:
            ciphertext = envelope.get("ciphertext")
            if not ciphertext or not isinstance(ciphertext, str):
                raise StateError("a secret in the state has neither ciphertext nor plaintext")
            if self.secrets is None:
                raise SecretsError("the state holds secrets, but names no secrets provider")
            text = self.secrets.decrypt(ciphertext, context)
        try:
            inner = json.loads(text)
        except (TypeError, ValueError) as error:
            raise StateError(f"a secret of {context} in the state does not hold a value: {error}") from error
        # Secrets inside a secret were written by way of a cipher that does nothing.
        return Secret(without_secrets(_PLAIN.decode_value(inner, "")))


class _NoCipher(SecretsManager):
    def __init__(self) -> None:
        self.salt = ""

    def decrypt(self, ciphertext: str, context: str = "") -> str:  # noqa: ARG002
        return ciphertext


_PLAIN = Codec(_NoCipher())


def encode_number(number: float) -> Any:
    """A number as Go writes it: whole ones without a fraction."""
    if math.isfinite(number):
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return {wire.SIGNATURE: _FLOAT, "value": struct.pack(">d", number).hex()}


def _decode_float(envelope: dict[str, Any]) -> float:
    try:
        return struct.unpack(">d", bytes.fromhex(envelope["value"]))[0]
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise StateError(f"a number in the state is malformed: {error}") from error


def _encode_content(signature: str, value: Asset | Archive, content: Any) -> dict[str, Any]:
    encoded: dict[str, Any] = {wire.SIGNATURE: signature}
    if value.hash:
        encoded["hash"] = value.hash
    if value.kind:
        encoded[value.kind] = content
    return encoded


def _encode_reference(value: ResourceReference) -> dict[str, Any]:
    encoded = {wire.SIGNATURE: wire.REFERENCE, "urn": value.urn, "packageVersion": value.package_version, **value.extra}
    if value.id is not None:
        encoded["id"] = "" if value.id is UNKNOWN else value.id
    return encoded
