"""A TransformJob object: the parts that the reconciler reads and changes, and the requests to the API server."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from localcloud.kube import KubeApi, Object
from localcloud.operator.fields import GROUP, PLURAL, VERSION, to_spec

Json = dict[str, Any]

FINALIZER: Final = "finalizers.sagemaker.services.k8s.aws/TransformJob"
_PREFIX: Final = "services.k8s.aws/"
ADOPTED: Final = f"{_PREFIX}adopted"
ADOPTION_FIELDS: Final = f"{_PREFIX}adoption-fields"
ADOPTION_POLICY: Final = f"{_PREFIX}adoption-policy"
DELETION_POLICY: Final = f"{_PREFIX}deletion-policy"
READ_ONLY: Final = f"{_PREFIX}read-only"
REGION: Final = f"{_PREFIX}region"
# These are annotations of a namespace, for all its objects.
DEFAULT_REGION: Final = f"{_PREFIX}default-region"
ENDPOINT_URL: Final = f"{_PREFIX}endpoint-url"
SERVICE_DELETION_POLICY: Final = f"sagemaker.{DELETION_POLICY}"

SYNCED: Final = "ACK.ResourceSynced"
TERMINAL: Final = "ACK.Terminal"
RECOVERABLE: Final = "ACK.Recoverable"
LATE_INITIALIZED: Final = "ACK.LateInitialized"
READY: Final = "Ready"


@dataclass(frozen=True)
class Key:
    """The key of an object in the work queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Owner:
    """The account, partition and region of the jobs."""

    account: str
    partition: str
    region: str


class Resource:
    """One object. Changes of a copy do not change the original."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body: Json = json.loads(json.dumps(body))  # the fastest deep copy of JSON
        self.body.setdefault("spec", {})
        self.body.setdefault("status", {})

    def copy(self) -> Resource:
        return Resource(self.body)

    # Reading

    @property
    def metadata(self) -> Json:
        return self.body["metadata"]

    @property
    def spec(self) -> Json:
        return self.body["spec"]

    @property
    def status(self) -> Json:
        return self.body["status"]

    @property
    def key(self) -> Key:
        return Key(self.metadata["namespace"], self.metadata["name"])

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.metadata.get("annotations") or {}

    @property
    def labels(self) -> Mapping[str, str]:
        return self.metadata.get("labels") or {}

    @property
    def job_name(self) -> str | None:
        return self.spec.get("transformJobName")

    @property
    def job_status(self) -> str | None:
        return self.status.get("transformJobStatus")

    @property
    def region(self) -> str | None:
        """The region in which the job was last seen."""
        return (self.status.get("ackResourceMetadata") or {}).get("region")

    @property
    def is_being_deleted(self) -> bool:
        return bool(self.metadata.get("deletionTimestamp"))

    @property
    def is_managed(self) -> bool:
        return FINALIZER in (self.metadata.get("finalizers") or [])

    @property
    def is_adopted(self) -> bool:
        return self.annotations.get(ADOPTED, "").lower() == "true"

    @property
    def is_read_only(self) -> bool:
        return self.annotations.get(READ_ONLY, "").lower() == "true"

    # Changing

    def mark_managed(self, *, adopted: bool = False) -> None:
        self.metadata["finalizers"] = [*(self.metadata.get("finalizers") or []), FINALIZER]
        if adopted:
            self.metadata["annotations"] = {**self.annotations, ADOPTED: "true"}

    def mark_unmanaged(self) -> None:
        self.metadata["finalizers"] = [name for name in self.metadata["finalizers"] if name != FINALIZER]

    def note_owner(self, owner: Owner, arn: str | None = None) -> None:
        """Set the owner of the job unless it is set already, and set a new ARN."""
        noted: Json = self.status.setdefault("ackResourceMetadata", {})
        if arn:
            noted["arn"] = arn
        noted.setdefault("ownerAccountID", owner.account)
        noted.setdefault("partition", owner.partition)
        noted.setdefault("region", owner.region)

    def note_description(self, description: Json, owner: Owner) -> None:
        """Take the spec and status from DescribeTransformJob; tags are not in its answer and stay."""
        tags = self.spec.get("tags")
        self.body["spec"] = to_spec(description) | ({} if tags is None else {"tags": tags})
        for name, member in (("failureReason", "FailureReason"), ("transformJobStatus", "TransformJobStatus")):
            self.status.pop(name, None)
            if description.get(member):
                self.status[name] = description[member]
        self.note_owner(owner, description.get("TransformJobArn"))

    # Conditions

    @property
    def conditions(self) -> list[Json]:
        return self.status.setdefault("conditions", [])

    def clear_conditions(self) -> None:
        self.status["conditions"] = []

    def condition(self, kind: str) -> Json:
        """The condition of this kind; empty if there is none."""
        return next((found for found in self.conditions if found["type"] == kind), {})

    def set_condition(
        self, kind: str, status: str, message: str | None = None, reason: str | None = None, *, timed: bool = True
    ) -> None:
        """Set a condition; ACK gives terminal and recoverable errors no transition time."""
        found = self.condition(kind)
        if not found:
            self.conditions.append(found)
            found["type"] = kind
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if timed else found.get("lastTransitionTime")
        said: Json = {"status": status, "message": message, "reason": reason, "lastTransitionTime": now}
        found.update(said)
        for name in [name for name in said if said[name] is None]:
            del found[name]


def status_differs(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two statuses differ, apart from the times of their conditions."""
    return _timeless(left) != _timeless(right)


def _timeless(status: Mapping[str, Any]) -> Json:
    conditions = [
        {name: value for name, value in condition.items() if name != "lastTransitionTime"}
        for condition in status.get("conditions") or []
    ]
    return {**status, "conditions": conditions}


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    """The JSON merge patch from the old to the new; empty if they are equal."""
    change: Json = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := merge_patch(before, value):
                change[name] = inner
        elif value != before:
            change[name] = copy.deepcopy(value)
    return change


class TransformJobObjects:
    """The TransformJobs of a cluster; safe to share between threads. Every method raises KubernetesError."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    def get(self, namespace: str, name: str) -> Object:
        return self._api.get(_path(namespace, name))

    def patch(self, namespace: str, name: str, change: Object) -> Object:
        """Merge a change into metadata and spec; returns the changed object."""
        return self._api.patch(_path(namespace, name), change)

    def patch_status(self, namespace: str, name: str, change: Object) -> Object:
        return self._api.patch(f"{_path(namespace, name)}/status", change)

    def namespace_annotations(self, namespace: str) -> Mapping[str, str]:
        return self._api.get(f"/api/v1/namespaces/{namespace}")["metadata"].get("annotations") or {}

    def list(self, namespace: str | None) -> Object:
        """The TransformJobs of a namespace, or of all namespaces."""
        return self._api.get(_collection(namespace))

    def watch(self, namespace: str | None, resource_version: str) -> Iterator[Object]:
        """Events since a version, until the server or the network ends the stream."""
        return self._api.watch(_collection(namespace), allowWatchBookmarks="true", resourceVersion=resource_version)


def _collection(namespace: str | None) -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{scope}/{PLURAL}"


def _path(namespace: str, name: str) -> str:
    return f"{_collection(namespace)}/{name}"
