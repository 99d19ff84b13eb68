"""Which kinds a cluster serves, and under which paths."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from localcloud.pulumi.kubernetes.api import Api
from localcloud.pulumi.kubernetes.errors import ApiError, NoMatchError


@dataclass(frozen=True)
class Kind:
    """A kind as the cluster serves it."""

    api_version: str
    name: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str) -> str:
        """The path of the objects of this kind, in a namespace if it has them."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        return f"{root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{root}/{self.plural}"

    def path(self, namespace: str, name: str) -> str:
        """The path of one object."""
        return f"{self.collection(namespace)}/{name}"


class Discovery:
    """Asks a cluster for its kinds; answers are kept, and asked for again when a kind is missing."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Kind] = {}

    def find(self, api_version: str, kind: str) -> Kind:
        """A kind of a version of an API group.

        Raises:
            NoMatchError: the cluster does not serve it.
        """
        with self._lock:
            found = self._known.get((api_version, kind))
            if found is None:
                self._ask(api_version)
                found = self._known.get((api_version, kind))
        if found is None:
            raise NoMatchError(f'no matches for kind "{kind}" in version "{api_version}"')
        return found

    def _ask(self, api_version: str) -> None:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer: Any = self._api.request("GET", path)
        except ApiError as e:
            if e.not_found:
                return
            raise
        for entry in answer.get("resources") or []:
            if "/" not in entry["name"]:
                kind = Kind(api_version, entry["kind"], entry["name"], entry["namespaced"])
                self._known[api_version, entry["kind"]] = kind
