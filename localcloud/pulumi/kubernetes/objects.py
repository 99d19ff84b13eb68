"""Kubernetes objects as Pulumi has them: names, types, annotations, and comparing what is meant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.pulumi.wire import Unknown

Object = dict[str, Any]

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"

FIELD_MANAGER: Final = "__fieldManager"
INITIAL_API_VERSION: Final = "__initialApiVersion"

# What the API server fills in and nobody asks for.
_READ_ONLY: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
    "selfLink",
)
# JSON schema extensions have dashes, which the SDKs' property names cannot.
_UNDERSCORED: Final = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
_DASHED: Final = {dashed: name for name, dashed in _UNDERSCORED.items()}
_LEGACY_GROUPS: Final = {"core": ""}


@dataclass(frozen=True)
class TypeToken:
    """A Pulumi type such as `kubernetes:apps/v1:Deployment`.

    Args:
        api_version: as in the object's `apiVersion`.
        kind: the object's kind.
        patch: whether the resource is a patch of an object that others own.
    """

    api_version: str
    kind: str
    patch: bool

    @classmethod
    def parse(cls, token: str, kind: str | None = None) -> TypeToken:
        """Take a type apart; `kind` is that of the inputs, which tells a patch from a kind that is named so."""
        _, group_version, name = token.split(":", 2)
        group, _, version = group_version.rpartition("/")
        group = _LEGACY_GROUPS.get(group, group)
        patch = name.endswith("Patch") and name != kind
        return cls(f"{group}/{version}" if group else version, name.removesuffix("Patch") if patch else name, patch)


def to_object(inputs: Mapping[str, Any], token: TypeToken) -> Object:
    """The object that inputs describe, as it is sent to the API server."""
    made = {name: value for name, value in _renamed(dict(inputs), _UNDERSCORED).items() if not name.startswith("__")}
    made["apiVersion"], made["kind"] = inputs.get("apiVersion") or token.api_version, token.kind
    return made


def to_properties(live: Object, field_manager: str) -> Object:
    """Outputs of a live object."""
    return {
        **_renamed(live, _DASHED),
        FIELD_MANAGER: field_manager,
        INITIAL_API_VERSION: live.get("apiVersion", ""),
    }


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(n, n): _renamed(v, names) for n, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, names) for v in value]
    return value


def metadata(source: Mapping[str, Any]) -> Mapping[str, Any]:
    found = source.get("metadata")
    return found if isinstance(found, Mapping) else {}


def name_of(source: Mapping[str, Any]) -> Any:
    return metadata(source).get("name")


def namespace_of(source: Mapping[str, Any]) -> Any:
    return metadata(source).get("namespace")


def annotation(source: Mapping[str, Any], name: str) -> str:
    """The value of an annotation; empty when it is not there or not known."""
    annotations = metadata(source).get("annotations")
    value = annotations.get(name) if isinstance(annotations, Mapping) else None
    return value if isinstance(value, str) else ""


def is_true(source: Mapping[str, Any], name: str) -> bool:
    return annotation(source, name).lower() == "true"


def state(live: Object) -> str:
    """The one word for how an object does, where its kind has such a word; else empty."""
    status = live.get("status")
    known = status if isinstance(status, Mapping) else {}
    return str(known.get("transformJobStatus") or known.get("phase") or "")


def standing(live: Object) -> str:
    """How an object does, for a message that it is not what was waited for; empty where it does not say."""
    if word := state(live):
        return f"it is {word}"
    conditions = (live.get("status") or {}).get("conditions") or []
    unready = (entry for entry in conditions if entry.get("type") == "Ready" and entry.get("status") != "True")
    message = next((str(entry.get("message") or "") for entry in unready), "")
    return f"it is not ready: {message}" if message else ""


def identity(live: Object) -> str:
    """The id of an object: `namespace/name`, or the name of one that is in none."""
    namespace, name = namespace_of(live), name_of(live)
    return f"{namespace}/{name}" if namespace else str(name)


def split_identity(text: str) -> tuple[str, str]:
    namespace, _, name = text.rpartition("/")
    return namespace, name


def autonamed(name: str, old: Mapping[str, Any] | None, inputs: Object, seed: bytes) -> Object:
    """Inputs with a name in them, the old generated one if there is one."""
    if name_of(inputs) is not None or metadata(inputs).get("generateName"):
        return inputs
    kept = name_of(old) if old and is_true(old, AUTONAMED) else None
    fresh = f"{name}-{hashlib.sha256(seed or b'0').hexdigest()[:8]}"
    changed = {
        **metadata(inputs),
        "name": kept or fresh,
        "annotations": {**(metadata(inputs).get("annotations") or {}), AUTONAMED: "true"},
    }
    return {**inputs, "metadata": changed}


def without_read_only(source: Mapping[str, Any]) -> Object:
    """An object without what the API server fills in."""
    kept = {name: value for name, value in metadata(source).items() if name not in _READ_ONLY}
    return {**source, **({"metadata": kept} if "metadata" in source else {})}


def pruned(live: Any, shape: Any) -> Any:
    """A live value cut to the shape of another: what the program did not speak of is not compared."""
    if isinstance(shape, Mapping) and isinstance(live, Mapping):
        return {name: pruned(live[name], value) for name, value in shape.items() if name in live}
    if isinstance(shape, list) and isinstance(live, list) and len(shape) == len(live):
        return [pruned(item, part) for item, part in zip(live, shape, strict=True)]
    return live


def is_unknown(value: Any) -> bool:
    return isinstance(value, Unknown)


# What cannot be changed in place, by API group and kind: paths whose change makes a new object.
_FORCE_NEW: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): (
        "spec.completions",
        "spec.parallelism",
        "spec.selector",
        "spec.template",
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
}
_IDENTITY_PATHS: Final = ("metadata.name", "metadata.namespace")


def force_new(token: TypeToken, mutable: frozenset[str]) -> tuple[str, ...]:
    """Paths of which every change makes a new object.

    Args:
        token: the type.
        mutable: kinds (`Secret`, `ConfigMap`) whose data the provider's settings allow to change in place.
    """
    if token.patch:
        return _IDENTITY_PATHS
    group = token.api_version.rpartition("/")[0]
    paths = _FORCE_NEW.get((group, token.kind), ())
    if (group, token.kind) == ("", "Secret"):
        paths = ("type",) if "Secret" in mutable else ("type", "data", "stringData")
    if (group, token.kind) == ("", "ConfigMap") and "ConfigMap" not in mutable:
        paths = ("data", "binaryData")
    return (*_IDENTITY_PATHS, *paths)


def is_under(path: str, parents: tuple[str, ...]) -> bool:
    return any(path == parent or path.startswith((f"{parent}.", f"{parent}[")) for parent in parents)
