"""The state of a stack as JSON: resources, deployment, and the rules that hold among them."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from localcloud.engine import wire
from localcloud.engine.errors import SecretsError, StateError, UnsupportedError
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

VERSION = "v3.272.0"  # the release of Pulumi whose formats this engine writes
_FLOAT = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
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
_FIELDS = {name: attribute for attribute, name in _NAMES.items()}
_ALWAYS = frozenset({"urn", "custom", "type"})
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


@dataclass(slots=True)
class PendingOperation:
    """An operation that was under way when the state was written."""

    resource: Resource
    type: str  # creating, updating, deleting, reading, importing


@dataclass(slots=True)
class Deployment:
    """What is known of a stack's resources."""

    resources: list[Resource] = field(default_factory=list[Resource])
    pending: list[PendingOperation] = field(default_factory=list[PendingOperation])
    secrets_providers: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict[str, Any])


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


# --- property values -------------------------------------------------------------------------------------------


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
            return struct.unpack(">d", bytes.fromhex(value["value"]))[0]
        return wire.revive({key: self.decode_value(item, context) for key, item in value.items()})

    def _decode_secret(self, envelope: dict[str, Any], context: str) -> Secret:
        text = envelope.get("plaintext")
        if not text:
            ciphertext = envelope.get("ciphertext")
            if not ciphertext:
                raise StateError("a secret in the state has neither ciphertext nor plaintext")
            if self.secrets is None:
                raise SecretsError("the state holds secrets, but names no secrets provider")
            text = self.secrets.decrypt(ciphertext, context)
        # Secrets inside a secret were written by way of a cipher that does nothing.
        return Secret(without_secrets(_PLAIN.decode_value(json.loads(text), "")))


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


# --- resources -------------------------------------------------------------------------------------------------


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
    return Resource(**known, extra=extra)


# --- deployments -----------------------------------------------------------------------------------------------


def manifest() -> dict[str, Any]:
    return {"time": now(), "magic": hashlib.sha256(VERSION.encode()).hexdigest(), "version": VERSION}


def deployment_text(
    resources: Iterable[Resource],
    pending: Iterable[PendingOperation],
    secrets_providers: dict[str, Any] | None,
    extra: Mapping[str, Any],
    codec: Codec,
) -> str:
    """A deployment as JSON text, put together from its resources' texts."""
    pieces = [f'"manifest":{_ENCODER.encode(manifest())}']
    if secrets_providers:
        pieces.append(f'"secrets_providers":{_ENCODER.encode(secrets_providers)}')
    texts = [resource_text(resource, codec) for resource in resources]
    if texts:
        pieces.append(f'"resources":[{",".join(texts)}]')
    operations = [
        f'{{"resource":{resource_text(operation.resource, codec)},"type":"{operation.type}"}}' for operation in pending
    ]
    if operations:
        pieces.append(f'"pending_operations":[{",".join(operations)}]')
    pieces.extend(
        f"{_ENCODER.encode(name)}:{_ENCODER.encode(value)}" for name, value in {"metadata": {}, **extra}.items()
    )
    return f"{{{','.join(pieces)}}}"


def checkpoint_text(stack: str, deployment: str) -> str:
    """The content of a stack's file."""
    return f'{{"version":3,"checkpoint":{{"stack":{_ENCODER.encode(stack)},"latest":{deployment}}}}}'


def parse_checkpoint(text: bytes | str, where: str) -> dict[str, Any] | None:
    """The deployment in a stack's file, None for a stack that has never been deployed.

    Raises:
        StateError: the text is no such file.
        UnsupportedError: it needs a newer engine.
    """
    try:
        document = json.loads(text)
        version, checkpoint = document["version"], document.get("checkpoint") or {}
        latest = checkpoint.get("latest")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"the state file {where} is damaged ({error}). Nothing was changed. "
            f"An earlier version of it is beside it ({where.rpartition('/')[2]}.bak); more are under .pulumi/backups"
        ) from error
    if document.get("features"):
        raise UnsupportedError(
            f"the state file {where} uses the feature {', '.join(map(str, document['features']))}, which"
        )
    if latest is not None and version != 3:
        raise UnsupportedError(f"the state file {where} is of version {version} (this engine knows 3)")
    return latest


_DEPLOYMENT_KEYS = frozenset({"manifest", "secrets_providers", "resources", "pending_operations", "metadata"})


def decode_deployment(encoded: dict[str, Any] | None, codec: Codec) -> Deployment:
    """A deployment from its JSON form, its integrity checked."""
    if not encoded:
        return Deployment()
    deployment = Deployment(
        [decode_resource(item, codec) for item in encoded.get("resources") or ()],
        [
            PendingOperation(decode_resource(item["resource"], codec), item["type"])
            for item in encoded.get("pending_operations") or ()
        ],
        encoded.get("secrets_providers"),
        {name: value for name, value in encoded.items() if name not in _DEPLOYMENT_KEYS},
    )
    version = (encoded.get("manifest") or {}).get("version") or ""
    magic = (encoded.get("manifest") or {}).get("magic") or ""
    if (version or magic) and magic != hashlib.sha256(version.encode()).hexdigest():
        raise StateError("the state's manifest is damaged: its magic cookie does not match its version")
    verify(deployment.resources)
    return deployment


def verify(resources: Iterable[Resource]) -> None:
    """Check the integrity rules: everything that a resource refers to comes before it.

    Raises:
        StateError: naming the resource and the rule.
    """
    urns: set[str] = set()
    live: set[str] = set()
    providers: set[str] = set()
    for resource in resources:
        problem = _problem(resource, urns, live, providers)
        if problem:
            raise StateError(f"the state breaks an integrity rule: {resource.urn} {problem}")
        urns.add(resource.urn)
        if not resource.delete:
            live.add(resource.urn)
        if resource.type.startswith("pulumi:providers:"):
            providers.add(resource.reference)


def _problem(resource: Resource, urns: set[str], live: set[str], providers: set[str]) -> str:
    if resource.id and not resource.custom:
        return "has an id but is no custom resource"
    if resource.provider and resource.provider not in providers and not resource.pending_replacement:
        return f"refers to the unknown provider {resource.provider}"
    if not resource.delete and resource.urn in live:
        return "occurs twice"
    references = {"parent": [resource.parent], "deletedWith": [resource.deleted_with]}
    references["dependencies"] = resource.dependencies
    references["propertyDependencies"] = [urn for each in resource.property_dependencies.values() for urn in each]
    for kind, names in references.items():
        for name in names:
            if name and name not in urns:
                return f"refers in {kind} to {name}, which does not come before it"
    return ""
