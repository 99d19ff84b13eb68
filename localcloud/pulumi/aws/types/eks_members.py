"""The parts of an EKS cluster: node groups, add-ons, and managed capabilities such as ACK."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Naming, Update
from localcloud.pulumi.aws.types.eks_common import MINUTE, ROLE_SETTLING, EksApi
from localcloud.pulumi.wire import Properties, names

# Node group

_EFFECTS = {"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"}
_GROUP = EksApi(
    token="aws:eks/nodeGroup:NodeGroup",
    identity="clusterName:nodeGroupName",
    calls=("CreateNodegroup", "DescribeNodegroup", "DeleteNodegroup"),
    key="nodegroup",
    names={
        "arn": "nodegroupArn",
        "nodeRoleArn": "nodeRole",
        "remoteAccessSecurityGroupId": "remoteAccessSecurityGroup",
        "subnetIds": "subnets",
    },
    noun="node group",
    failed=names("CREATE_FAILED DELETED DEGRADED"),
    cleanup=(
        "aws eks delete-nodegroup --cluster-name {clusterName} --nodegroup-name {nodeGroupName}; "
        "aws eks wait nodegroup-deleted --cluster-name {clusterName} --nodegroup-name {nodeGroupName}"
    ),
    settling=ROLE_SETTLING,
    busy={"ResourceInUseException": None},
    seconds=60 * MINUTE,
)


def _read_group(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _GROUP.read(cloud, identity, known)
    if found:
        found["updateConfig"] = {"maxUnavailable": 1, "maxUnavailablePercentage": 0, **found.get("updateConfig", {})}
        found.setdefault("nodeRepairConfig", {"enabled": False})
    return found


def _update_group(cloud: Cloud, update: Update) -> None:
    identity, old, new = update.identity, update.old, update.new
    force = new.get("forceUpdateVersion")
    _GROUP.await_update(cloud, identity, _GROUP.change(cloud, update, "UpdateNodegroupVersion", force=force))
    changes = {
        "labels": _label_change(old.get("labels") or {}, new.get("labels") or {}),
        "taints": _taint_change(old.get("taints") or [], new.get("taints") or []),
    }
    changes |= {name: new.get(name) for name in ("scalingConfig", "updateConfig", "nodeRepairConfig")}
    if parameters := {name: change for name, change in changes.items() if change and name in update.changed}:
        answer = cloud.ask("eks", "UpdateNodegroupConfig", _GROUP.keys(identity), **parameters)
        _GROUP.await_update(cloud, identity, answer)


def _label_change(old: Properties, new: Properties) -> dict[str, Any]:
    change = {
        "addOrUpdateLabels": {k: v for k, v in new.items() if old.get(k) != v},
        "removeLabels": [k for k in old if k not in new],
    }
    return {k: v for k, v in change.items() if v}


def _taint_change(old: list[Any], new: list[Any]) -> dict[str, Any]:
    kept = [(taint["key"], taint["effect"]) for taint in new]
    change = {
        "addOrUpdateTaints": [taint for taint in new if taint not in old],
        "removeTaints": [taint for taint in old if (taint["key"], taint["effect"]) not in kept],
    }
    return {k: v for k, v in change.items() if v}


def _group_problems(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    scaling, taints = inputs.get("scalingConfig"), inputs.get("taints")
    if isinstance(scaling, dict):
        missing = [size for size in ("desiredSize", "maxSize", "minSize") if size not in scaling]
        problems |= {f"scalingConfig.{size}": f"`scalingConfig` needs `{size}`" for size in missing}
    for taint in taints if isinstance(taints, list) else []:
        effect = taint.get("effect") if isinstance(taint, dict) else None
        if isinstance(effect, str) and effect not in _EFFECTS:
            problems["taints"] = f"the effect of a taint must be one of {', '.join(sorted(_EFFECTS))}"
    return problems


NODE_GROUP = _GROUP.type(
    read=_read_group,
    update=_update_group,
    ready=_GROUP.ready,
    replaces=names(
        "amiType capacityType clusterName diskSize instanceTypes nodeGroupName nodeGroupNamePrefix nodeRoleArn subnetIds"
    ),
    sets=names("subnetIds taints"),
    unsupported=names("launchTemplate remoteAccess warmPoolConfig"),
    naming=Naming("nodeGroupName", "nodeGroupNamePrefix", limit=63),
    volatile={"version": ("releaseVersion",)},
    validate=_group_problems,
)

# Add-on

_ADDON = EksApi(
    token="aws:eks/addon:Addon",
    identity="clusterName:addonName",
    calls=("CreateAddon", "DescribeAddon", "DeleteAddon"),
    key="addon",
    names={"arn": "addonArn"},
    noun="add-on",
    failed=names("CREATE_FAILED DELETED"),
    settling={"InvalidParameterException": "CREATE_FAILED", "InvalidRequestException": "is not in ACTIVE"},
    update_seconds=20 * MINUTE,
)


def _create_addon(cloud: Cloud, inputs: Properties) -> str:
    return _ADDON.create(cloud, inputs, resolveConflicts=inputs.get("resolveConflictsOnCreate"))


def _read_addon(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _ADDON.read(cloud, identity, known)
    return found and {"namespaceConfig": {"namespace": "kube-system"}, **found}


def _update_addon(cloud: Cloud, update: Update) -> None:
    conflicts = update.new.get("resolveConflictsOnUpdate")
    answer = _ADDON.change(cloud, update, "UpdateAddon", resolveConflicts=conflicts)
    _ADDON.await_update(cloud, update.identity, answer)


ADDON = _ADDON.type(
    create=_create_addon,
    read=_read_addon,
    update=_update_addon,
    ready=_ADDON.ready,
    replaces=names("clusterName addonName"),
    unsupported=names("namespaceConfig podIdentityAssociations"),
    volatile=dict.fromkeys(("addonVersion", "configurationValues", "serviceAccountRoleArn"), ("modifiedAt",)),
)

# Capability

_CAPABILITY = EksApi(
    token="aws:eks/capability:Capability",
    identity="clusterName,capabilityName",
    calls=("CreateCapability", "DescribeCapability", "DeleteCapability"),
    key="capability",
    noun="capability",
    failed=names("CREATE_FAILED DEGRADED DELETED"),
    cleanup="aws eks delete-capability --cluster-name {clusterName} --capability-name {capabilityName}",
    settling=ROLE_SETTLING,
    update_seconds=20 * MINUTE,
    delete_seconds=20 * MINUTE,
)

CAPABILITY = _CAPABILITY.type(
    update=_CAPABILITY.update,
    ready=_CAPABILITY.ready,
    replaces=names("capabilityName clusterName deletePropagationPolicy type"),
    unsupported=names("configuration timeouts"),
)

TYPES = (
    NODE_GROUP,
    ADDON,
    CAPABILITY,
)
