"""EKS's managed capabilities: ACK, which runs beside the cluster, under a role of its own and without any node.

The rules are those of https://docs.aws.amazon.com/eks/latest/userguide/capabilities.html: one capability of a type for
each cluster, an authentication mode with access entries, and a role that trusts capabilities.eks.amazonaws.com with
sts:AssumeRole and sts:TagSession. EKS creates and deletes the role's access entry by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from localcloud.aws.eks.access import new_entry
from localcloud.aws.eks.account import Roles
from localcloud.aws.eks.store import CAPABILITY, ClusterRecord, Record, Store, in_use, invalid, new_arn, now, page
from localcloud.aws.iam.permissions import CAPABILITIES_SERVICE
from localcloud.aws.iam.sts import AssumeRoleRequest, Tokens, source_keys
from localcloud.aws.protocol.wire import Call, NotAvailableError, Operation
from localcloud.cluster.backend import LocalClusters

VERSION = "1.9.1"
_SESSION = timedelta(days=5)
_SUMMARY = ("capabilityName", "arn", "type", "status", "version", "createdAt", "modifiedAt")


class Capabilities:
    """The capability operations of EKS.

    Args:
        store: where the records are kept.
        backend: runs the controllers.
        roles: EKS's view of IAM.
        tokens: issues the sessions that controllers act with.
    """

    def __init__(self, store: Store, backend: LocalClusters, roles: Roles, tokens: Tokens) -> None:
        self._store = store
        self._backend = backend
        self._roles = roles
        self._tokens = tokens

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateCapability": self.create,
            "DescribeCapability": self.describe,
            "UpdateCapability": self.update,
            "DeleteCapability": self.delete,
            "ListCapabilities": self.list,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        kind, name, role_arn = params["type"], params["capabilityName"], params["roleArn"]
        if kind != "ACK":
            raise NotAvailableError("eks", "CreateCapability", f" Its capabilities are of type ACK, not {kind}.")
        self._roles.check_trusts(role_arn, CAPABILITIES_SERVICE)
        cluster = self._store.active_cluster(params["clusterName"])
        _check_free(cluster, kind, name)
        if role_arn not in cluster.access_entries:
            new_entry(cluster, role_arn, {})
        cluster.capabilities[name] = capability = _description(call, cluster)
        start = partial(self._start, cluster, capability)
        self._store.in_background(start, capability, "CREATE_FAILED", "ClusterUnreachable", denied="AccessDenied")
        return {"capability": capability}

    def describe(self, call: Call) -> Mapping[str, Any]:
        return {"capability": CAPABILITY.find(self._store, call)[1]}

    def update(self, call: Call) -> Mapping[str, Any]:
        raise NotAvailableError(
            "eks", "UpdateCapability", f" Delete {call.params['capabilityName']} and create it again."
        )

    def delete(self, call: Call) -> Mapping[str, Any]:
        cluster, capability = CAPABILITY.find(self._store, call)
        if capability["status"] == "CREATING":
            raise in_use(f"Cannot delete capability {capability['capabilityName']}: it is still being created")
        capability["status"] = "DELETING"
        stop = partial(self._stop, cluster, capability)
        self._store.in_background(stop, capability, "DELETE_FAILED", "ClusterUnreachable")
        return {"capability": capability}

    def list(self, call: Call) -> Mapping[str, Any]:
        found = self._store.cluster(call.params["clusterName"]).capabilities
        rows = [{key: found[name].get(key) for key in _SUMMARY} for name in sorted(found)]
        return page(rows, call.params, "capabilities")

    def _start(self, cluster: ClusterRecord, capability: Record) -> None:
        keys = self._keys(cluster, capability)
        self._backend.create_capability(cluster.name, capability["capabilityName"], keys, capability["arn"])
        with self._store.lock:
            capability["status"] = "ACTIVE"

    def _keys(self, cluster: ClusterRecord, capability: Record) -> Mapping[str, str]:
        """Return the keys that the controller acts with, as the variables of its environment."""
        arn = cluster.description["arn"]
        wanted = AssumeRoleRequest(
            role_arn=capability["roleArn"],
            session_name=f"eks-{cluster.name}-{capability['capabilityName']}"[:64],
            service=CAPABILITIES_SERVICE,
            context=source_keys(arn),
            tags={"eks-cluster-arn": arn, "eks-capability-arn": capability["arn"]},
            duration=_SESSION,
        )
        issued = self._tokens.assume(wanted)
        return {
            "AWS_ACCESS_KEY_ID": issued.access_key_id,
            "AWS_SECRET_ACCESS_KEY": issued.secret_access_key,
            "AWS_SESSION_TOKEN": issued.session_token or "",
        }

    def _stop(self, cluster: ClusterRecord, capability: Record) -> None:
        """Stop the controller. The objects that it managed stay: RETAIN is the only propagation policy."""
        name = capability["capabilityName"]
        self._backend.delete_capability(cluster.name, name)
        with self._store.lock:
            cluster.capabilities.pop(name, None)
            cluster.access_entries.pop(capability["roleArn"], None)


def _check_free(cluster: ClusterRecord, kind: str, name: str) -> None:
    mode = cluster.description["accessConfig"]["authenticationMode"]
    if mode == "CONFIG_MAP":
        raise invalid(
            f"Capabilities need the authentication mode API or API_AND_CONFIG_MAP; that of the cluster is {mode}."
        )
    for known in cluster.capabilities.values():
        if known["type"] == kind or known["capabilityName"] == name:
            raise in_use(f"Cluster {cluster.name} already has the capability {known['capabilityName']} of type {kind}.")


def _description(call: Call, cluster: ClusterRecord) -> Record:
    params = call.params
    name, kind = params["capabilityName"], params["type"]
    moment = now()
    return {
        "capabilityName": name,
        "arn": new_arn(call, f"capability/{cluster.name}/{kind.lower()}/{name}/{uuid.uuid4()}"),
        "clusterName": cluster.name,
        "type": kind,
        "roleArn": params["roleArn"],
        "status": "CREATING",
        "version": VERSION,
        "tags": dict(params.get("tags") or {}),
        "health": {"issues": []},
        "createdAt": moment,
        "modifiedAt": moment,
        "deletePropagationPolicy": params["deletePropagationPolicy"],
    }
