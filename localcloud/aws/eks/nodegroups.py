"""The node group operations of EKS. Whatever its size, a managed node group is one real node."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from localcloud.aws.eks.access import grant_nodes, withdraw_nodes
from localcloud.aws.eks.account import CLUSTER_ACTIONS, NODE_ACTIONS, Network, Roles, control_plane, node
from localcloud.aws.eks.store import NODEGROUP, ClusterRecord, Record, Store, in_use, new_arn, now, page
from localcloud.aws.protocol.wire import Call, Operation
from localcloud.cluster.backend import LocalClusters

_DEFAULT_SCALING = {"minSize": 1, "maxSize": 2, "desiredSize": 2}


class Nodegroups:
    """The node group operations of EKS."""

    def __init__(self, store: Store, backend: LocalClusters, network: Network, roles: Roles) -> None:
        self._store = store
        self._backend = backend
        self._network = network
        self._roles = roles

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateNodegroup": self.create,
            "DescribeNodegroup": self.describe,
            "ListNodegroups": self.list,
            "UpdateNodegroupConfig": self.update_config,
            "DeleteNodegroup": self.delete,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        params, name = call.params, call.params["nodegroupName"]
        self._roles.check(node(params["nodeRole"], name))
        cluster = self._store.active_cluster(params["clusterName"])
        if name in cluster.nodegroups:
            raise in_use(f"NodeGroup already exists with name {name} and cluster name {cluster.name}")
        vpc_id = cluster.description["resourcesVpcConfig"]["vpcId"]
        self._network.check_node_subnets(params["subnets"], vpc_id)
        self._network.create_node_interface(cluster.name, name, params["subnets"][0])
        grant_nodes(cluster, params["nodeRole"])
        cluster.nodegroups[name] = nodegroup = _description(call, cluster.description)
        start = partial(self._start, cluster, nodegroup)
        self._store.in_background(start, nodegroup, "CREATE_FAILED", "NodeCreationFailure")
        return {"nodegroup": nodegroup}

    def describe(self, call: Call) -> Mapping[str, Any]:
        return {"nodegroup": NODEGROUP.find(self._store, call)[1]}

    def list(self, call: Call) -> Mapping[str, Any]:
        return page(sorted(self._store.cluster(call.params["clusterName"]).nodegroups), call.params, "nodegroups")

    def update_config(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        cluster, nodegroup = NODEGROUP.find(self._store, call)
        changes: dict[str, str] = {}
        if params.get("scalingConfig"):
            nodegroup["scalingConfig"] |= params["scalingConfig"]
            changes |= {key[0].upper() + key[1:]: str(value) for key, value in params["scalingConfig"].items()}
        if params.get("updateConfig"):
            nodegroup["updateConfig"] = dict(params["updateConfig"])
            changes["MaxUnavailable"] = str(params["updateConfig"].get("maxUnavailable"))
        _apply_labels(nodegroup, params.get("labels") or {}, changes)
        nodegroup["modifiedAt"] = now()
        return {"update": cluster.add_update("ConfigUpdate", changes)}

    def delete(self, call: Call) -> Mapping[str, Any]:
        cluster, nodegroup = NODEGROUP.find(self._store, call)
        if nodegroup["status"] == "CREATING":
            raise in_use(f"Cannot delete {nodegroup['nodegroupName']}: it is still being created")
        nodegroup["status"] = "DELETING"
        stop = partial(self._stop, cluster, nodegroup)
        self._store.in_background(stop, nodegroup, "DELETE_FAILED", "InternalFailure")
        return {"nodegroup": nodegroup}

    def _start(self, cluster: ClusterRecord, nodegroup: Record) -> None:
        name = nodegroup["nodegroupName"]
        self._use_roles(cluster, nodegroup)
        labels = {"eks.amazonaws.com/nodegroup": name, **nodegroup["labels"]}
        self._backend.create_nodegroup(cluster.name, name, labels)
        with self._store.lock:
            nodegroup["status"] = "ACTIVE"

    def _use_roles(self, cluster: ClusterRecord, nodegroup: Record) -> None:
        """Act as the node that boots and as the cluster that takes it in."""
        arn = cluster.description["arn"]
        self._roles.use(node(nodegroup["nodeRole"], nodegroup["nodegroupName"]), NODE_ACTIONS, arn)
        self._roles.use(control_plane(cluster.description["roleArn"], arn), CLUSTER_ACTIONS, arn)

    def _stop(self, cluster: ClusterRecord, nodegroup: Record) -> None:
        name = nodegroup["nodegroupName"]
        self._backend.delete_nodegroup(cluster.name, name)
        self._network.delete_node_interface(cluster.name, name)
        with self._store.lock:
            cluster.nodegroups.pop(name, None)
            withdraw_nodes(cluster, nodegroup["nodeRole"])


def _apply_labels(nodegroup: Record, labels: Mapping[str, Any], changes: dict[str, str]) -> None:
    nodegroup["labels"] |= labels.get("addOrUpdateLabels") or {}
    for key in labels.get("removeLabels") or []:
        nodegroup["labels"].pop(key, None)
    if labels:
        changes["LabelsToAdd"] = str(labels.get("addOrUpdateLabels") or {})


def _description(call: Call, cluster: Mapping[str, Any]) -> Record:
    params = call.params
    cluster_name, name = cluster["name"], params["nodegroupName"]
    version = params.get("version") or cluster["version"]
    description: Record = {
        "nodegroupName": name,
        "nodegroupArn": new_arn(call, f"nodegroup/{cluster_name}/{name}/{uuid.uuid4()}"),
        "clusterName": cluster_name,
        "version": version,
        "releaseVersion": params.get("releaseVersion") or f"{version}.4-20261101",
        "createdAt": now(),
        "modifiedAt": now(),
        "status": "CREATING",
        "capacityType": params.get("capacityType") or "ON_DEMAND",
        "scalingConfig": _DEFAULT_SCALING | (params.get("scalingConfig") or {}),
        "instanceTypes": list(params.get("instanceTypes") or ["t3.medium"]),
        "subnets": list(params["subnets"]),
        "amiType": params.get("amiType") or "AL2023_x86_64_STANDARD",
        "nodeRole": params["nodeRole"],
        "labels": dict(params.get("labels") or {}),
        "taints": list(params.get("taints") or []),
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{uuid.uuid4()}"}]},
        "diskSize": params.get("diskSize") or 20,
        "health": {"issues": []},
        "updateConfig": dict(params.get("updateConfig") or {"maxUnavailable": 1}),
        "tags": dict(params.get("tags") or {}),
    }
    for key in ("remoteAccess", "launchTemplate", "nodeRepairConfig"):
        if params.get(key):
            description[key] = params[key]
    return description
