"""Creates, applies, deletes and waits for objects of one cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from localcloud.pulumi.errors import CancelledError
from localcloud.pulumi.kubernetes import objects
from localcloud.pulumi.kubernetes.api import APPLY, JSON, JSON_PATCH, Api
from localcloud.pulumi.kubernetes.conditions import Condition, UnsatisfiableError
from localcloud.pulumi.kubernetes.discovery import Discovery, Kind
from localcloud.pulumi.kubernetes.errors import ApiError, NoMatchError, NotReadyError, UnreachableError
from localcloud.pulumi.kubernetes.objects import Object
from localcloud.pulumi.provider import Stop

T = TypeVar("T")

# The manager under which plain creations are recorded; the first apply takes its fields over.
CREATOR = "pulumi-kubernetes"
DEFAULT_SECONDS = 600.0
_RETRIES = 5
_TIMED_OUT = "timed out waiting for the condition"


class Cluster:
    """One cluster.

    Args:
        api: the way to its API server.
        namespace: where namespaced objects go that name no namespace.
        stop: set when the engine asks to stop.
    """

    def __init__(self, api: Api, namespace: str, stop: Stop) -> None:
        self.api = api
        self.namespace = namespace
        self.kinds = Discovery(api)
        self._stop = stop

    def kind(self, source: Object) -> Kind:
        return self.kinds.find(source["apiVersion"], source["kind"])

    def place(self, source: Object) -> str:
        """The namespace that an object is or would be in."""
        return objects.namespace_of(source) or self.namespace

    def path(self, source: Object) -> str:
        return self.kind(source).path(self.place(source), objects.name_of(source))

    def get(self, source: Object) -> Object | None:
        """The live object of this type and name, or None."""
        try:
            return self.api.request("GET", self.path(source))
        except NoMatchError:
            return None
        except ApiError as e:
            if e.not_found:
                return None
            raise

    def create(self, source: Object, *, strict: bool = True) -> Object:
        """Create an object that must not exist yet."""
        query = {"fieldManager": CREATOR, "fieldValidation": "Strict" if strict else "Warn"}
        return self._retried(
            lambda: self.api.request("POST", self.kind(source).collection(self.place(source)), query, source, JSON)
        )

    def apply(self, source: Object, manager: str, *, force: bool, strict: bool = True, patient: bool = True) -> Object:
        """Create or change an object by server-side apply.

        Args:
            source: the object.
            manager: whose fields these are.
            force: whether to take fields from other managers.
            strict: whether unknown fields are refused.
            patient: whether to wait for the namespace and the kind to come.
        """
        query = {
            "fieldManager": manager,
            "force": "true" if force else "false",
            "fieldValidation": "Strict" if strict else "Warn",
        }

        def send() -> Object:
            return self.api.request("PATCH", self.path(source), query, source, APPLY)

        return self._retried(send) if patient else send()

    def replace(self, source: Object, manager: str) -> Object:
        """Put an object in the place of the live one."""
        return self.api.request("PUT", self.path(source), {"fieldManager": manager}, source, JSON)

    def take_over(self, live: Object, manager: str) -> Object:
        """Make the fields that a plain creation set ours to apply, so that leaving one out later removes it."""
        entries: list[Any] = objects.metadata(live).get("managedFields") or []
        ours = [e for e in entries if e.get("manager") == manager and e.get("operation") == "Apply"]
        created = [e for e in entries if e.get("manager") == CREATOR and e.get("operation") == "Update"]
        if not created or ours or any(e.get("subresource") for e in created):
            return live
        changed = [
            {**e, "manager": manager, "operation": "Apply"} if e in created[:1] else e
            for e in entries
            if e not in created[1:]
        ]
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": changed},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": objects.metadata(live)["resourceVersion"]},
        ]
        try:
            return self.api.request("PATCH", self.path(live), None, patch, JSON_PATCH)
        except ApiError as e:
            if e.conflict:  # somebody wrote meanwhile; a forced apply gets there as well
                return live
            raise

    def delete(self, source: Object, propagation: str = "Foreground") -> bool:
        """Ask for an object's deletion; whether there was one."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        try:
            self.api.request("DELETE", self.path(source), None, options)
        except NoMatchError:
            return False
        except ApiError as e:
            if e.not_found:
                return False
            raise
        return True

    def _retried(self, work: Callable[[], T]) -> T:
        """Try again while the namespace or the kind is not there yet: its maker may be at work."""
        pause = 0.25
        for _ in range(_RETRIES):
            try:
                return work()
            except NoMatchError:
                pass
            except ApiError as e:
                if not e.not_found:
                    raise
            self._stop.sleep(pause)
            pause *= 2
        return work()

    def wait_ready(
        self, live: Object, condition: Condition, seconds: float, tell: Callable[[str], None] = lambda _: None
    ) -> Object:
        """Wait until a condition holds for an object.

        Args:
            live: the object as it was last seen.
            condition: what to wait for.
            seconds: how long.
            tell: hears of each state that the object comes into.

        Raises:
            NotReadyError: time is up, or it never will.
            CancelledError: the engine asked to stop.
        """
        seen, deadline, why, told = live, time.monotonic() + seconds, "", ""
        while True:
            if (state := objects.state(seen)) != told:
                tell(told := state)
            try:
                ready, why = condition(seen)
            except UnsatisfiableError as e:
                raise NotReadyError(str(e), seen) from None
            if ready:
                return seen
            changed = self._changed(seen, deadline)
            if changed is None:
                detail = f"{_TIMED_OUT}: {why}" if why and "selected nothing" not in why else _TIMED_OUT
                raise NotReadyError("; ".join(filter(None, (detail, objects.standing(seen)))), seen)
            if not changed:
                raise NotReadyError("the object was deleted while it was waited for", seen)
            seen = changed

    def wait_gone(self, source: Object, seconds: float) -> None:
        """Wait until an object is gone, or another one has taken its name.

        Raises:
            NotReadyError: time is up.
        """
        deadline, seen = time.monotonic() + seconds, self.get(source)
        uid = objects.metadata(source).get("uid")
        while seen and (uid is None or objects.metadata(seen).get("uid") == uid):
            changed = self._changed(seen, deadline)
            if changed is None:
                held = objects.metadata(seen).get("finalizers") or []
                reason = f"; it still has the finalizers {', '.join(held)}" if held else ""
                raise NotReadyError(f"{_TIMED_OUT}{reason}", seen)
            seen = changed

    def _changed(self, seen: Object, deadline: float) -> Object | None:
        """The object's next version; empty when it is gone, None when time is up."""
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.event.is_set():
                raise CancelledError("stopped on request")
            try:
                newer = self._next_event(seen, left)
            except (ApiError, UnreachableError):
                # the version is too old to watch from, or the server restarts
                self._stop.sleep(min(0.5, left))
                newer = self._newer(seen)
            if newer is not None:
                return newer
        return None

    def _next_event(self, seen: Object, seconds: float) -> Object | None:
        kind = self.kind(seen)
        version = objects.metadata(seen)["resourceVersion"]
        with self.api.watch(kind.collection(self.place(seen)), objects.name_of(seen), version, seconds) as events:
            for event in events:
                if event["type"] == "DELETED":
                    return {}
                if event["type"] in {"ADDED", "MODIFIED"}:
                    return event["object"]
                raise ApiError(410, "Expired", str(event.get("object", {}).get("message", "")))
        return self._newer(seen)

    def _newer(self, seen: Object) -> Object | None:
        """What a watch may have missed: the live object if it differs."""
        try:
            live = self.get(seen) or {}
        except UnreachableError:
            return None
        same = objects.metadata(live).get("resourceVersion") == objects.metadata(seen).get("resourceVersion")
        return None if same else live
