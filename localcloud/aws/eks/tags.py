"""Tags of everything in EKS that has an ARN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.eks.store import Record, Store, not_found
from localcloud.aws.protocol.wire import Call, Operation


class Tags:
    """The tag operations of EKS."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> Mapping[str, Operation]:
        return {"TagResource": self.tag, "UntagResource": self.untag, "ListTagsForResource": self.list}

    def tag(self, call: Call) -> Mapping[str, Any]:
        with self._store.lock:
            self._find(call)["tags"].update(call.params["tags"])
            return {}

    def untag(self, call: Call) -> Mapping[str, Any]:
        with self._store.lock:
            tags = self._find(call)["tags"]
            for key in call.params["tagKeys"]:
                tags.pop(key, None)
            return {}

    def list(self, call: Call) -> Mapping[str, Any]:
        return {"tags": dict(self._find(call)["tags"])}

    def of(self, arn: str) -> Mapping[str, str]:
        """Tags by ARN, or by the beginning of one that ends in a star; none where there is nothing."""
        with self._store.lock:
            for known, record in self._records():
                if known == arn or (arn.endswith("/*") and known.startswith(arn[:-1])):
                    return dict(record["tags"])
        return {}

    def _find(self, call: Call) -> Record:
        arn = str(call.params["resourceArn"])
        with self._store.lock:
            for known, record in self._records():
                if known == arn:
                    return record
        raise not_found(f"Resource not found: {arn}")

    def _records(self) -> Iterator[tuple[str, Record]]:
        for cluster in self._store.clusters.values():
            yield str(cluster.description["arn"]), cluster.description
            groups = (
                (cluster.nodegroups, "nodegroupArn"),
                (cluster.addons, "addonArn"),
                (cluster.access_entries, "accessEntryArn"),
                (cluster.associations, "associationArn"),
                (cluster.capabilities, "arn"),
            )
            for records, key in groups:
                for record in records.values():
                    yield str(record[key]), record
