"""One resource as the state holds it, and its form in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from localcloud.engine.codec import Codec, encode_number
from localcloud.engine.errors import StateError, UnsupportedError
from localcloud.engine.shape import ANY_KEY
from localcloud.engine.values import Properties

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


@dataclass(slots=True, eq=False, kw_only=True)
class Resource:
    """One resource as the state holds it. Identity, not content, makes two of them the same."""

    urn: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    type: str
    inputs: Properties = field(default_factory=dict[str, Any])
    outputs: Properties = field(default_factory=dict[str, Any])
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list[str])
    init_errors: list[str] = field(default_factory=list[str])
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list[str])
    aliases: list[str] = field(default_factory=list[str])
    custom_timeouts: dict[str, float] = field(default_factory=dict[str, float])
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    ignore_changes: list[str] = field(default_factory=list[str])
    hide_diff: list[str] = field(default_factory=list[str])
    replace_on_changes: list[str] = field(default_factory=list[str])
    extra: dict[str, Any] = field(default_factory=dict[str, Any])  # what this engine does not know stays as it is
    text: str | None = None  # the JSON, kept until something changes

    def changed(self) -> None:
        self.text = None

    @property
    def reference(self) -> str:
        """How resources refer to this one as their provider."""
        return f"{self.urn}::{self.id}"


# Names in the file, in the order in which they are written.
_NAMES = {
    "urn": "urn",
    "custom": "custom",
    "delete": "delete",
    "id": "id",
    "type": "type",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "external": "external",
    "dependencies": "dependencies",
    "init_errors": "initErrors",
    "provider": "provider",
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs",
    "aliases": "aliases",
    "custom_timeouts": "customTimeouts",
    "import_id": "importID",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "created": "created",
    "modified": "modified",
    "source_position": "sourcePosition",
    "stack_trace": "stackTrace",
    "ignore_changes": "ignoreChanges",
    "hide_diff": "hideDiff",
    "replace_on_changes": "replaceOnChanges",
}
_TEXTS, _URNS_BY_KEY = [str], {ANY_KEY: [str]}
SHAPE: dict[str, Any] = {
    **dict.fromkeys(("urn", "id", "type", "parent", "provider", "importID", "deletedWith"), str),
    **dict.fromkeys(("created", "modified", "sourcePosition"), str),
    **dict.fromkeys(("custom", "delete", "protect", "external", "pendingReplacement", "retainOnDelete"), bool),
    **dict.fromkeys(("dependencies", "initErrors", "additionalSecretOutputs", "aliases"), _TEXTS),
    **dict.fromkeys(("ignoreChanges", "hideDiff", "replaceOnChanges"), _TEXTS),
    "inputs": dict,
    "outputs": dict,
    "propertyDependencies": _URNS_BY_KEY,
    "customTimeouts": {ANY_KEY: float},
    "stackTrace": [dict],
}
_FIELDS = {name: attribute for attribute, name in _NAMES.items()}
_ALWAYS = frozenset({"urn", "custom", "type"})
assert SHAPE.keys() == _FIELDS.keys()  # noqa: S101  a slip while editing
assert _NAMES.keys() | {"extra", "text"} == {item.name for item in fields(Resource)}  # noqa: S101  a slip while editing
# Parts of newer states that would need more than being kept: dropping or misreading them would do harm.
_REFUSED = {
    "taint": "a tainted resource",
    "replaceWith": "the option replaceWith",
    "replacementTrigger": "the option replacementTrigger",
    "refreshBeforeUpdate": "a resource that must be refreshed before each update",
    "viewOf": "a view",
    "resourceHooks": "resource hooks",
    "extensionRef": "an extension package",
}


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def encode_resource(resource: Resource, codec: Codec) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    for attribute, name in _NAMES.items():
        value = getattr(resource, attribute)
        if not value and name not in _ALWAYS:
            continue
        if name in ("inputs", "outputs"):
            value = codec.encode(value, resource.urn)
        elif name == "customTimeouts":
            value = {key: encode_number(float(seconds)) for key, seconds in value.items()}
        encoded[name] = value
    return encoded | resource.extra


def resource_text(resource: Resource, codec: Codec) -> str:
    """The resource as JSON text; made once for each content."""
    if resource.text is None:
        resource.text = _ENCODER.encode(encode_resource(resource, codec))
    return resource.text


def decode_resource(encoded: dict[str, Any], codec: Codec) -> Resource:
    for name, what in _REFUSED.items():
        if encoded.get(name):
            raise UnsupportedError(f"{encoded.get('urn')} in the state has {what}")
    urn = encoded.get("urn") or ""
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in encoded.items():
        if name not in _FIELDS:
            extra[name] = value
        elif value is not None:
            known[_FIELDS[name]] = codec.decode(value, urn) if name in ("inputs", "outputs") else value
    if not urn or not known.get("type"):
        raise StateError(f"a resource in the state has no {'type' if urn else 'urn'}")
    if "property_dependencies" in known:
        known["property_dependencies"] = {key: list(urns or ()) for key, urns in known["property_dependencies"].items()}
    if "custom_timeouts" in known:
        known["custom_timeouts"] = {key: each for key, each in known["custom_timeouts"].items() if each is not None}
    return Resource(**known, extra=extra)
