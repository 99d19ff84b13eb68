"""What EKS remembers: clusters and what belongs to them, in the shapes of the API."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.aws.protocol import pages
from localcloud.aws.protocol.errors import AwsError

Record = dict[str, Any]


@dataclass
class ClusterRecord:
    """A cluster and all that hangs on it.

    Attributes:
        description: the `cluster` of DescribeCluster.
        creator: IAM entity that made it, its first administrator when `creator_is_admin`.
        admin_kubeconfig: set once the control plane runs.
        nodegroups: by name; likewise `addons`, `updates` by id, `associations` by id, `access_entries` by principal.
        access_policies: associated access policies, by principal ARN and policy ARN.
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
        return str(self.description["name"])


@dataclass
class Store:
    """All clusters of the local account. Hold `lock` while reading or changing several records."""

    clusters: dict[str, ClusterRecord] = field(default_factory=dict[str, ClusterRecord])
    lock: threading.RLock = field(default_factory=threading.RLock)

    def cluster(self, name: str) -> ClusterRecord:
        """The cluster of a name.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        found = self.clusters.get(name)
        if found is None:
            raise not_found(f"No cluster found for name: {name}.")
        return found

    @contextmanager
    def active_cluster(self, name: str) -> Generator[ClusterRecord]:
        """The cluster of a name, locked, if it can be changed now."""
        with self.lock:
            record = self.cluster(name)
            status = record.description["status"]
            if status != "ACTIVE":
                raise AwsError("InvalidRequestException", f"Cluster '{name}' is not in ACTIVE status: it is {status}.")
            yield record


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)


def in_use(message: str) -> AwsError:
    return AwsError("ResourceInUseException", message, 409)


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)


def invalid_request(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message, 400)


def now() -> datetime:
    return datetime.now(UTC)


def new_update(kind: str, params: Mapping[str, str], status: str = "Successful") -> Record:
    """An update record as DescribeUpdate shows it."""
    return {
        "id": str(uuid.uuid4()),
        "status": status,
        "type": kind,
        "params": [{"type": key, "value": value} for key, value in params.items()],
        "createdAt": now(),
        "errors": [],
    }


def page(names: list[str], params: Mapping[str, Any], key: str) -> Record:
    """A page of a sorted listing, with the token of the next one."""
    limit = int(params.get("maxResults") or 100)
    start = pages.start(params.get("nextToken"), invalid(pages.FOREIGN_TOKEN))
    result: Record = {key: names[start : start + limit]}
    if start + limit < len(names):
        result["nextToken"] = str(start + limit)
    return result
