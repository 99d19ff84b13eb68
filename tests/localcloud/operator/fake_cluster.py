"""TransformJobs of an API server in memory: versions, generations, finalizers, status as a subresource, watches."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.kube import KubernetesError
from localcloud.operator.resource import TransformJobObjects

Json = dict[str, Any]


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def merged(old: Any, change: Any) -> Any:
    """RFC 7386."""
    if not isinstance(change, dict):
        return copied(change)
    result: Json = dict(old) if isinstance(old, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


class FakeCluster(TransformJobObjects):
    """The API server, and what a user does with kubectl."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Json] = {}
        self._events: list[tuple[int, Json]] = []
        self._version = 1
        self._changed = threading.Condition()
        self.namespaces: dict[str, dict[str, str]] = {}
        # Called before each write of the operator; may raise, as a server that is down or killed half way does.
        self.before_write: Callable[[str, str, Json], None] = lambda _kind, _name, _change: None
        self.writes: list[tuple[str, str, Json]] = []

    # A user

    def create(self, body: Json) -> None:
        with self._changed:
            key = body["metadata"]["namespace"], body["metadata"]["name"]
            if key in self._objects:
                raise KubernetesError(f'transformjobs "{key[1]}" already exists', 409)
            created = copied(body)
            created["metadata"] |= {"uid": str(uuid.uuid4()), "generation": 1}
            self._store(key, created, "ADDED")

    def change(self, namespace: str, name: str, change: Json) -> None:
        self._patch((namespace, name), change, status=False)

    def delete(self, namespace: str, name: str, *, foreground: bool = False) -> None:
        with self._changed:
            found = copied(self._find((namespace, name)))
            if foreground:
                found["metadata"].setdefault("finalizers", []).append("foregroundDeletion")
            if "deletionTimestamp" not in found["metadata"]:
                found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
                found["metadata"]["generation"] += 1
            self._store((namespace, name), found, "MODIFIED")

    def find(self, namespace: str, name: str) -> Json | None:
        with self._changed:
            found = self._objects.get((namespace, name))
            return copied(found)

    # The operator

    def get(self, namespace: str, name: str) -> Json:
        with self._changed:
            return copied(self._find((namespace, name)))

    def patch(self, namespace: str, name: str, change: Json) -> Json:
        self.before_write("object", name, change)
        self.writes.append(("object", name, change))
        return self._patch((namespace, name), change, status=False)

    def patch_status(self, namespace: str, name: str, change: Json) -> Json:
        self.before_write("status", name, change)
        self.writes.append(("status", name, change))
        return self._patch((namespace, name), change, status=True)

    def namespace_annotations(self, namespace: str) -> Mapping[str, str]:
        return self.namespaces.get(namespace, {})

    def list(self, namespace: str | None) -> Json:
        with self._changed:
            items = [copied(item) for key, item in self._objects.items() if namespace in {None, key[0]}]
            return {"items": items, "metadata": {"resourceVersion": str(self._version)}}

    def watch(self, namespace: str | None, resource_version: str) -> Iterator[Json]:
        seen = int(resource_version)
        while True:
            with self._changed:
                news = [event for version, event in self._events if version > seen]
                if not news:
                    if not self._changed.wait(1.0):
                        return
                    continue
            for event in news:
                seen = int(event["object"]["metadata"]["resourceVersion"])
                if namespace in {None, event["object"]["metadata"]["namespace"]}:
                    yield copied(event)

    # Both

    def _find(self, key: tuple[str, str]) -> Json:
        if key not in self._objects:
            raise KubernetesError(f'transformjobs "{key[1]}" not found', 404)
        return self._objects[key]

    def _patch(self, key: tuple[str, str], change: Json, *, status: bool) -> Json:
        with self._changed:
            old = self._find(key)
            wanted = (change.get("metadata") or {}).get("resourceVersion")
            if wanted is not None and wanted != old["metadata"]["resourceVersion"]:
                raise KubernetesError(
                    "the object has been modified; please apply your changes to the latest version", 409
                )
            new = copied(old)
            if status:
                new["status"] = merged(old.get("status") or {}, change.get("status") or {})
            else:
                new |= merged({part: old.get(part) for part in ("metadata", "spec")}, change)
                if new.get("spec") != old.get("spec"):
                    new["metadata"]["generation"] += 1
            if new != old:
                self._store(key, new, "MODIFIED")
            return copied(new)

    def _store(self, key: tuple[str, str], body: Json, event: str) -> None:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        if "deletionTimestamp" in body["metadata"] and not body["metadata"].get("finalizers"):
            self._objects.pop(key, None)
            event = "DELETED"
        else:
            self._objects[key] = body
        self._events.append((self._version, {"type": event, "object": copied(body)}))
        self._changed.notify_all()
