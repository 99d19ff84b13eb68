"""EKS's records, in the shapes of its API: clusters with their node groups, add-ons, access entries and so on, and their tags."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.aws.protocol import validation
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError, Call, Operation

Record = dict[str, Any]


@dataclass
class ClusterRecord:
    """A cluster with its node groups, add-ons, access entries and so on.

    Attributes:
        description: the `cluster` of DescribeCluster.
        creator: the IAM entity that created it, and its first administrator if `creator_is_admin`.
        admin_kubeconfig: the administrator's kubeconfig, once the control plane runs.
        nodegroups: by name, like `addons` and `capabilities`; `updates` and `associations` are by id, and `access_entries`
            by the principal's ARN.
        access_policies: the associated access policies, by the principal's ARN and the policy's ARN.
    """

    description: Record
    creator: str
    creator_is_admin: bool
    admin_kubeconfig: Path | None = None
    nodegroups: dict[str, Record] = field(default_factory=dict[str, Record])
    addons: dict[str, Record] = field(default_factory=dict[str, Record])
    updates: dict[str, Record] = field(default_factory=dict[str, Record])
    access_entries: dict[str, Record] = field(default_factory=dict[str, Record])
    access_policies: dict[str, dict[str, Record]] = field(default_factory=dict[str, dict[str, Record]])
    associations: dict[str, Record] = field(default_factory=dict[str, Record])
    capabilities: dict[str, Record] = field(default_factory=dict[str, Record])

    @property
    def name(self) -> str:
        return self.description["name"]

    def add_update(self, kind: str, params: Mapping[str, str]) -> Record:
        """Record an update, which has succeeded already, as DescribeUpdate shows it."""
        update: Record = {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [{"type": key, "value": value} for key, value in params.items()],
            "createdAt": now(),
            "errors": [],
        }
        self.updates[update["id"]] = update
        return update


@dataclass
class Store:
    """All clusters of the local account. Whoever reads or changes records holds `lock`; the operations run under it."""

    clusters: dict[str, ClusterRecord] = field(default_factory=dict[str, ClusterRecord])
    lock: threading.RLock = field(default_factory=threading.RLock)

    def cluster(self, name: str) -> ClusterRecord:
        """Return a cluster by its name.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        found = self.clusters.get(name)
        if found is None:
            raise not_found(f"No cluster found for name: {name}.")
        return found

    def active_cluster(self, name: str) -> ClusterRecord:
        """Return a cluster that can be changed now.

        Raises:
            AwsError: there is no such cluster, or it is not active.
        """
        record = self.cluster(name)
        status = record.description["status"]
        if status != "ACTIVE":
            raise invalid_request(f"Cluster '{name}' is not in ACTIVE status: it is {status}.")
        return record

    def in_background(
        self, work: Callable[[], None], record: Record, failure: str, code: str, denied: str = ""
    ) -> None:
        """Do the part of an operation that takes long, in a thread. If it fails, the record reports the error.

        Args:
            work: the function to run, without the lock.
            record: the record of the resource; it has a `status` and a `health`.
            failure: the status after a failure.
            code: the code of the issue in the health.
            denied: the code if a role lacks a permission; `code` by default.
        """

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001  the record reports any error
                issue: Record = {"code": code, "message": str(error), "resourceIds": []}
                if denied and isinstance(error, AccessDeniedError):
                    issue["code"] = denied
                with self.lock:
                    record.update(status=failure, health={"issues": [issue]})

        threading.Thread(target=run, daemon=True).start()


@dataclass(frozen=True)
class Kind:
    """A kind of record that clusters have.

    Attributes:
        records: the attribute of `ClusterRecord` that holds the records.
        member: the member of a request that names one.
        missing: EKS's message, with `{name}` and `{cluster}`, if there is no such record.
        arn: the member of a record that has its ARN.
    """

    records: str
    member: str
    missing: str
    arn: str

    def of(self, cluster: ClusterRecord) -> dict[str, Record]:
        return getattr(cluster, self.records)

    def find(self, store: Store, call: Call) -> tuple[ClusterRecord, Record]:
        """Return the cluster and the record that a request names.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        cluster, name = store.cluster(call.params["clusterName"]), call.params[self.member]
        if name not in self.of(cluster):
            raise not_found(self.missing.format(name=name, cluster=cluster.name))
        return cluster, self.of(cluster)[name]


NODEGROUP = Kind("nodegroups", "nodegroupName", "No node group found for name: {name}.", "nodegroupArn")
ADDON = Kind("addons", "addonName", "No addon: {name} found in cluster: {cluster}", "addonArn")
ENTRY = Kind(
    "access_entries",
    "principalArn",
    "The specified principalArn could not be found: {name} has no access entry in cluster {cluster}.",
    "accessEntryArn",
)
ASSOCIATION = Kind("associations", "associationId", "Association not found: {name}", "associationArn")
CAPABILITY = Kind("capabilities", "capabilityName", "No capability found for name: {name}.", "arn")


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)


def in_use(message: str) -> AwsError:
    return AwsError("ResourceInUseException", message, 409)


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)


def invalid_request(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message, 400)


def new_arn(call: Call, resource: str) -> str:
    return f"arn:aws:eks:{call.region}:{call.principal.account_id}:{resource}"


def now() -> datetime:
    return datetime.now(UTC)


def page(items: Sequence[Any], params: Mapping[str, Any], key: str) -> Record:
    return validation.page(key, items, params, "InvalidParameterException")


class Tags:
    """The tag operations of EKS."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> Mapping[str, Operation]:
        return {"TagResource": self.tag, "UntagResource": self.untag, "ListTagsForResource": self.list}

    def tag(self, call: Call) -> Mapping[str, Any]:
        self._find(call)["tags"].update(call.params["tags"])
        return {}

    def untag(self, call: Call) -> Mapping[str, Any]:
        tags = self._find(call)["tags"]
        for key in call.params["tagKeys"]:
            tags.pop(key, None)
        return {}

    def list(self, call: Call) -> Mapping[str, Any]:
        return {"tags": self._find(call)["tags"]}

    def of(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a resource; for an ARN that ends in `/*`, those of the first resource below it."""
        with self._store.lock:
            for known, record in self._records():
                if known == arn or (arn.endswith("/*") and known.startswith(arn[:-1])):
                    return dict(record["tags"])
        return {}

    def _find(self, call: Call) -> Record:
        arn = call.params["resourceArn"]
        if record := dict(self._records()).get(arn):
            return record
        raise not_found(f"Resource not found: {arn}")

    def _records(self) -> Iterator[tuple[str, Record]]:
        for cluster in self._store.clusters.values():
            yield cluster.description["arn"], cluster.description
            for kind in (NODEGROUP, ADDON, ENTRY, ASSOCIATION, CAPABILITY):
                for record in kind.of(cluster).values():
                    yield record[kind.arn], record
