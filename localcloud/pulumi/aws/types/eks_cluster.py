"""The EKS cluster."""

from __future__ import annotations

import re
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Naming, Update
from localcloud.pulumi.aws.types.eks_common import MINUTE, ROLE_SETTLING, EksApi
from localcloud.pulumi.wire import Properties, names

_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_API = EksApi(
    token="aws:eks/cluster:Cluster",
    identity="name",
    calls=("CreateCluster", "DescribeCluster", "DeleteCluster"),
    key="cluster",
    names={"vpcConfig": "resourcesVpcConfig", "clusterId": "id", "identities": "identity", "oidcs": "oidc"},
    noun="cluster",
    failed=names("FAILED DELETED"),
    cleanup="aws eks delete-cluster --name {name}; aws eks wait cluster-deleted --name {name}",
    settling=ROLE_SETTLING,
    # Node groups are deleted just before; EKS may still count them.
    busy={"ResourceInUseException": None},
    seconds=30 * MINUTE,
    delete_seconds=15 * MINUTE,
)


def _create(cloud: Cloud, inputs: Properties) -> str:
    logs = inputs.get("enabledClusterLogTypes")
    return _API.create(cloud, inputs, logging=_logging(logs) if logs else None)


def _logging(enabled: list[str]) -> dict[str, Any]:
    off = [kind for kind in _LOGS if kind not in enabled]
    entries = [{"types": sorted(enabled), "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [entry for entry in entries if entry["types"]]}


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _API.found(cloud, identity)
    if found is None:
        return None
    logs = (found.get("logging") or {}).get("clusterLogging") or []
    # EKS does not return the settings that count at creation only
    created = {"bootstrapClusterCreatorAdminPermissions": True, **(known.get("accessConfig") or {})}
    return {
        **_API.outputs(cloud, identity, found),
        "enabledClusterLogTypes": sorted(kind for entry in logs if entry.get("enabled") for kind in entry["types"]),
        "accessConfig": {**created, **(found.get("accessConfig") or {})},
        "bootstrapSelfManagedAddons": known.get("bootstrapSelfManagedAddons", True),
    }


def _update(cloud: Cloud, update: Update) -> None:
    """Send one request for each part: EKS takes one kind of change at a time."""
    if "version" in update.changed and update.new.get("version"):
        force = update.new.get("forceUpdateVersion")
        _API.await_update(cloud, update.identity, _API.change(cloud, update, "UpdateClusterVersion", force=force))
    for parameters in _configuration_changes(update):
        answer = cloud.eks("UpdateClusterConfig", name=update.identity, **parameters)
        _API.await_update(cloud, update.identity, answer)


def _configuration_changes(update: Update) -> list[dict[str, Any]]:
    new, changes = update.new, list[dict[str, Any]]()
    if "accessConfig" in update.changed and (mode := (new.get("accessConfig") or {}).get("authenticationMode")):
        changes.append({"accessConfig": {"authenticationMode": mode}})
    if "enabledClusterLogTypes" in update.changed:
        changes.append({"logging": _logging(new.get("enabledClusterLogTypes") or [])})
    if "deletionProtection" in update.changed:
        changes.append({"deletionProtection": bool(new.get("deletionProtection"))})
    whole = ("upgradePolicy", "zonalShiftConfig")
    changes += [{name: new[name]} for name in whole if name in update.changed and new.get(name)]
    if "vpcConfig" in update.changed:
        changes += _vpc_changes(update.old["vpcConfig"], new["vpcConfig"])
    return changes


def _vpc_changes(old: Properties, new: Properties) -> list[dict[str, Any]]:
    access = names("endpointPublicAccess endpointPrivateAccess publicAccessCidrs")
    parts = (
        {k: v for k, v in new.items() if k in part and v is not None and v != old.get(k)}
        for part in (access, names("subnetIds securityGroupIds"))
    )
    return [{"resourcesVpcConfig": part} for part in parts if part]


def _problems(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    name, config = inputs.get("name"), inputs.get("vpcConfig")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        problems["name"] = f"{name!r} is not a cluster name: use letters, digits, `-` and `_`, at most 100"
    if isinstance(config, dict) and "subnetIds" not in config:
        problems["vpcConfig.subnetIds"] = "a cluster needs subnets, in two zones at least"
    return problems


CLUSTER = _API.type(
    create=_create,
    read=_read,
    update=_update,
    ready=_API.ready,
    replaces=names("name roleArn bootstrapSelfManagedAddons encryptionConfig kubernetesNetworkConfig"),
    replace_paths=names("accessConfig.bootstrapClusterCreatorAdminPermissions"),
    defaults={"bootstrapSelfManagedAddons": True},
    sets=names(
        "vpcConfig.subnetIds vpcConfig.securityGroupIds vpcConfig.publicAccessCidrs enabledClusterLogTypes "
        "encryptionConfig.resources"
    ),
    unsupported=names(
        "computeConfig controlPlaneScalingConfig defaultAddonsToRemoves kubeApiServerConfig kubeControllerManagerConfig "
        "kubeSchedulerConfig outpostConfig remoteNetworkConfig storageConfig"
    ),
    naming=Naming("name", limit=100),
    volatile={"version": ("platformVersion",)},
    validate=_problems,
)

TYPES = (CLUSTER,)
