"""TransformJobs at the API server, as the operator reads, watches and changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from localcloud.kube import KubeApi, Object
from localcloud.operator.fields import GROUP, PLURAL, VERSION


class Cluster(Protocol):
    """What the reconciler needs of Kubernetes; every method raises KubernetesError."""

    def get(self, namespace: str, name: str) -> Object: ...

    def patch(self, namespace: str, name: str, change: Object) -> Object:
        """Merge a change into metadata and spec; returns the changed object."""
        ...

    def patch_status(self, namespace: str, name: str, change: Object) -> Object: ...

    def namespace_annotations(self, namespace: str) -> Mapping[str, str]: ...


class Source(Protocol):
    """Where the controller learns which objects exist; every method raises KubernetesError."""

    def list(self, namespace: str | None, selector: str = "") -> Object: ...

    def watch(self, namespace: str | None, resource_version: str, selector: str = "") -> Iterator[Object]: ...


class TransformJobObjects:
    """The TransformJobs of a cluster; safe to share between threads."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    def get(self, namespace: str, name: str) -> Object:
        return self._api.get(_path(namespace, name))

    def patch(self, namespace: str, name: str, change: Object) -> Object:
        return self._api.patch(_path(namespace, name), change)

    def patch_status(self, namespace: str, name: str, change: Object) -> Object:
        return self._api.patch(f"{_path(namespace, name)}/status", change)

    def namespace_annotations(self, namespace: str) -> Mapping[str, str]:
        return self._api.get(f"/api/v1/namespaces/{namespace}")["metadata"].get("annotations") or {}

    def list(self, namespace: str | None, selector: str = "") -> Object:
        """The TransformJobs of a namespace, or of all namespaces."""
        return self._api.get(_collection(namespace), **_selected(selector))

    def watch(self, namespace: str | None, resource_version: str, selector: str = "") -> Iterator[Object]:
        """Events since a version, until the server or the network ends the stream."""
        query = {"allowWatchBookmarks": "true", "resourceVersion": resource_version, **_selected(selector)}
        return self._api.watch(_collection(namespace), **query)


def _collection(namespace: str | None) -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{scope}/{PLURAL}"


def _path(namespace: str, name: str) -> str:
    return f"{_collection(namespace)}/{name}"


def _selected(selector: str) -> dict[str, str]:
    return {"labelSelector": selector} if selector else {}
