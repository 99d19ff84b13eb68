"""The state of a stack as a file: the deployment's resources, and what was under way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.engine.codec import Codec
from localcloud.engine.errors import StateError, UnsupportedError
from localcloud.engine.integrity import verify
from localcloud.engine.resource import SHAPE, Resource, decode_resource, now, resource_text
from localcloud.engine.shape import mismatch

VERSION = "v3.272.0"  # the release of Pulumi whose formats this engine writes
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


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
    except ValueError as error:
        raise _damaged(where, str(error)) from error
    wrong = mismatch(document, _SHAPE)
    if wrong:
        raise _damaged(where, wrong)
    if document.get("features"):
        raise UnsupportedError(
            f"the state file {where} uses the feature {', '.join(map(str, document['features']))}, which"
        )
    latest = (document.get("checkpoint") or {}).get("latest")
    if latest is not None and document.get("version") != 3:
        raise UnsupportedError(f"the state file {where} is of version {document.get('version')} (this engine knows 3)")
    return latest


def _damaged(where: str, why: str) -> StateError:
    return StateError(
        f"the state file {where} is damaged ({why}). Nothing was changed. "
        f"An earlier version of it is beside it ({where.rpartition('/')[2]}.bak); more are under .pulumi/backups"
    )


_SHAPE = {
    "features": list,
    "checkpoint": {
        "latest": {
            "manifest": {"time": str, "magic": str, "version": str},
            "secrets_providers": {"type": str, "state": {"salt": str}},
            "resources": [SHAPE],
            "pending_operations": [{"resource": SHAPE, "type": str}],
        }
    },
}
_DEPLOYMENT_KEYS = frozenset({"manifest", "secrets_providers", "resources", "pending_operations", "metadata"})


def decode_deployment(encoded: dict[str, Any] | None, codec: Codec) -> Deployment:
    """A deployment from its JSON form, its integrity checked."""
    if not encoded:
        return Deployment()
    deployment = Deployment(
        [decode_resource(item, codec) for item in encoded.get("resources") or ()],
        [
            PendingOperation(decode_resource(item.get("resource") or {}, codec), item.get("type") or "")
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
