"""Add-ons, which are records only. The local node reads whether the Pod Identity agent is among them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from localcloud.aws.eks.store import ADDON, ClusterRecord, Record, Store, in_use, invalid, new_arn, now, page
from localcloud.aws.protocol.wire import Call, Operation

_KUBERNETES = ("1.36", "1.35", "1.34", "1.33")
# Newest first, as seen on EKS; AWS adds a build every week or two. kube-proxy has the version of its Kubernetes.
_VERSIONS: Mapping[str, tuple[str, ...]] = {
    "vpc-cni": ("v1.23.0-eksbuild.1", "v1.22.4-eksbuild.3", "v1.21.1-eksbuild.8"),
    "kube-proxy": (
        *("v1.36.0-eksbuild.25", "v1.36.0-eksbuild.21"),
        *("v1.35.3-eksbuild.21", "v1.35.3-eksbuild.18"),
        *("v1.34.6-eksbuild.13", "v1.33.10-eksbuild.13"),
    ),
    "coredns": ("v1.13.1-eksbuild.1", "v1.12.4-eksbuild.1"),
    "eks-pod-identity-agent": ("v1.3.10-eksbuild.2", "v1.3.9-eksbuild.3"),
    "aws-ebs-csi-driver": ("v1.54.0-eksbuild.1",),
    "metrics-server": ("v0.8.0-eksbuild.5",),
}
_TYPES = {"vpc-cni": "networking", "kube-proxy": "networking", "coredns": "networking", "aws-ebs-csi-driver": "storage"}
_NEEDS_NODES = {"coredns", "metrics-server", "aws-ebs-csi-driver"}


class Addons:
    """The add-on operations of EKS."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateAddon": self.create,
            "DescribeAddon": self.describe,
            "UpdateAddon": self.update,
            "DeleteAddon": self.delete,
            "ListAddons": self.list,
            "DescribeAddonVersions": describe_addon_versions,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        params, name = call.params, call.params["addonName"]
        cluster = self._store.active_cluster(params["clusterName"])
        version = _checked_version(name, params.get("addonVersion"), cluster)
        if name in cluster.addons:
            raise in_use(f"Addon already exists.: {name}")
        addon: Record = {
            "addonName": name,
            "clusterName": cluster.name,
            "status": "CREATING",
            "addonVersion": version,
            "health": {"issues": []},
            "addonArn": new_arn(call, f"addon/{cluster.name}/{name}/{uuid.uuid4()}"),
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": dict(params.get("tags") or {}),
        }
        _apply(addon, params)
        cluster.addons[name] = addon
        return {"addon": addon}

    def describe(self, call: Call) -> Mapping[str, Any]:
        cluster, addon = ADDON.find(self._store, call)
        _settle(cluster, addon)
        return {"addon": addon}

    def update(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        cluster, addon = ADDON.find(self._store, call)
        changes: dict[str, str] = {}
        if params.get("addonVersion"):
            addon["addonVersion"] = _checked_version(addon["addonName"], params["addonVersion"], cluster)
            changes["AddonVersion"] = addon["addonVersion"]
        _apply(addon, params)
        addon["modifiedAt"] = now()
        if params.get("resolveConflicts"):
            changes["ResolveConflicts"] = params["resolveConflicts"]
        return {"update": cluster.add_update("AddonUpdate", changes)}

    def delete(self, call: Call) -> Mapping[str, Any]:
        cluster, addon = ADDON.find(self._store, call)
        del cluster.addons[addon["addonName"]]
        return {"addon": {**addon, "status": "DELETING"}}

    def list(self, call: Call) -> Mapping[str, Any]:
        return page(sorted(self._store.cluster(call.params["clusterName"]).addons), call.params, "addons")


def describe_addon_versions(call: Call) -> Mapping[str, Any]:
    wanted, kubernetes = call.params.get("addonName"), call.params.get("kubernetesVersion")
    if kubernetes and kubernetes not in _KUBERNETES:
        return {"addons": []}
    names = [name for name in _VERSIONS if not wanted or name == wanted]
    return {"addons": [_offer(name, (kubernetes,) if kubernetes else _KUBERNETES) for name in names]}


def _offer(name: str, kubernetes: tuple[str, ...]) -> Record:
    return {
        "addonName": name,
        "type": _TYPES.get(name, "security"),
        "addonVersions": [
            {
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2", "auto", "hybrid"],
                "compatibilities": [
                    {
                        "clusterVersion": cluster,
                        "platformVersions": ["*"],
                        "defaultVersion": version == _suited(name, cluster)[0],
                    }
                    for cluster in kubernetes
                    if version in _suited(name, cluster)
                ],
                "requiresConfiguration": False,
                "requiresIamPermissions": name == "vpc-cni",
            }
            for version in _VERSIONS[name]
            if any(version in _suited(name, cluster) for cluster in kubernetes)
        ],
        "publisher": "eks",
        "owner": "aws",
    }


def _suited(name: str, kubernetes: str) -> list[str]:
    return [found for found in _VERSIONS[name] if name != "kube-proxy" or found.startswith(f"v{kubernetes}.")]


def _checked_version(name: str, version: object, cluster: ClusterRecord) -> str:
    if name not in _VERSIONS:
        raise invalid(f"Addon specified is not supported: {name}")
    suited = _suited(name, cluster.description["version"])
    if version and version not in suited:
        offered = ", ".join(suited)
        raise invalid(f"Addon version specified is not supported: {name} {version}; the local cloud offers {offered}.")
    return str(version or suited[0])


def _apply(addon: Record, params: Mapping[str, Any]) -> None:
    for key in ("serviceAccountRoleArn", "configurationValues"):
        if params.get(key):
            addon[key] = params[key]


def _settle(cluster: ClusterRecord, addon: Record) -> None:
    """Bring an add-on's status up to date: with a Deployment it is degraded without a node, with a DaemonSet it is not."""
    waiting = addon["addonName"] in _NEEDS_NODES and not cluster.nodegroups
    issue = {
        "code": "InsufficientNumberOfReplicas",
        "message": "The add-on is unhealthy because it has no node to run on.",
    }
    addon["status"] = "DEGRADED" if waiting else "ACTIVE"
    addon["health"] = {"issues": [issue] if waiting else []}
