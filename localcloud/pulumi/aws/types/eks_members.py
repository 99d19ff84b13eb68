"""What belongs to an EKS cluster: node groups and add-ons."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import Naming, ResourceType, Update, names
from localcloud.pulumi.aws.types.eks_cluster import GONE, ROLE_SETTLING, anew, await_status, own_tags, tag, timestamp
from localcloud.pulumi.wire import Properties

_NODEGROUP_SECONDS = 60 * 60.0
_ADDON_SECONDS = 20 * 60.0
_DELETE_SECONDS = 60 * 60.0
_EFFECTS = {"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"}

# Node group


def _create_group(cloud: Cloud, inputs: Properties) -> str:
    cloud.retry(
        lambda: cloud.eks(
            "CreateNodegroup",
            clusterName=inputs["clusterName"],
            nodegroupName=inputs["nodeGroupName"],
            nodeRole=inputs["nodeRoleArn"],
            subnets=inputs["subnetIds"],
            scalingConfig=inputs["scalingConfig"],
            amiType=inputs.get("amiType"),
            capacityType=inputs.get("capacityType"),
            diskSize=inputs.get("diskSize"),
            instanceTypes=inputs.get("instanceTypes"),
            labels=inputs.get("labels"),
            taints=inputs.get("taints"),
            updateConfig=inputs.get("updateConfig"),
            nodeRepairConfig=inputs.get("nodeRepairConfig"),
            version=inputs.get("version"),
            releaseVersion=inputs.get("releaseVersion"),
            tags=inputs.get("tagsAll"),
        ),
        codes=ROLE_SETTLING,
    )
    return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"


def _group(cloud: Cloud, identity: str) -> Any:
    cluster, _, name = identity.partition(":")
    answer = absent_as_none(lambda: cloud.eks("DescribeNodegroup", clusterName=cluster, nodegroupName=name), GONE)
    return answer["nodegroup"] if answer else None


def _await_group(cloud: Cloud, identity: str, inputs: Properties) -> None:
    name, group = identity.split(":")
    await_status(
        cloud,
        f"EKS node group {identity}",
        lambda: _group(cloud, identity),
        "ACTIVE",
        failed={"CREATE_FAILED", "DELETED", "DEGRADED"},
        seconds=_NODEGROUP_SECONDS,
        cure=anew("nodegroup", f"--cluster-name {name} --nodegroup-name {group}"),
    )


def _read_group(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _group(cloud, identity)
    if found is None:
        return None
    resources = found.get("resources") or {}
    update, repair = found.get("updateConfig") or {}, found.get("nodeRepairConfig") or {}
    return {
        "clusterName": found["clusterName"],
        "nodeGroupName": found["nodegroupName"],
        "nodeGroupNamePrefix": known.get("nodeGroupNamePrefix") or "",
        "arn": found["nodegroupArn"],
        "status": found["status"],
        "version": found.get("version", ""),
        "releaseVersion": found.get("releaseVersion", ""),
        "amiType": found.get("amiType", ""),
        "capacityType": found.get("capacityType", "ON_DEMAND"),
        "diskSize": found.get("diskSize", 0),
        "instanceTypes": found.get("instanceTypes") or [],
        "labels": found.get("labels") or {},
        "nodeRoleArn": found["nodeRole"],
        "subnetIds": found.get("subnets") or [],
        "scalingConfig": found.get("scalingConfig"),
        "taints": found.get("taints") or [],
        "updateConfig": {k: update.get(k, d) for k, d in {"maxUnavailable": 1, "maxUnavailablePercentage": 0}.items()},
        "nodeRepairConfig": {"enabled": repair.get("enabled", False)},
        "resources": [
            {
                "autoscalingGroups": [{"name": g["name"]} for g in resources.get("autoScalingGroups") or []],
                "remoteAccessSecurityGroupId": resources.get("remoteAccessSecurityGroup", ""),
            }
        ],
        "tagsAll": own_tags(found),
    }


def _update_group(cloud: Cloud, update: Update) -> None:
    cluster, _, name = update.identity.partition(":")
    new = update.new
    if {"version", "releaseVersion"} & update.changed:
        answer = cloud.eks(
            "UpdateNodegroupVersion",
            clusterName=cluster,
            nodegroupName=name,
            version=new.get("version"),
            releaseVersion=new.get("releaseVersion"),
            force=new.get("forceUpdateVersion"),
        )
        _await_group_update(cloud, cluster, name, answer)
    if {"labels", "taints", "scalingConfig", "updateConfig", "nodeRepairConfig"} & update.changed:
        answer = cloud.eks(
            "UpdateNodegroupConfig",
            clusterName=cluster,
            nodegroupName=name,
            labels=_label_change(update.old.get("labels") or {}, new.get("labels") or {}),
            taints=_taint_change(update.old.get("taints") or [], new.get("taints") or []),
            scalingConfig=new["scalingConfig"] if "scalingConfig" in update.changed else None,
            updateConfig=new.get("updateConfig") if "updateConfig" in update.changed else None,
            nodeRepairConfig=new.get("nodeRepairConfig") if "nodeRepairConfig" in update.changed else None,
        )
        _await_group_update(cloud, cluster, name, answer)


def _label_change(old: Properties, new: Properties) -> dict[str, Any] | None:
    add = {k: v for k, v in new.items() if old.get(k) != v}
    remove = [k for k in old if k not in new]
    change = {"addOrUpdateLabels": add, "removeLabels": remove}
    return {k: v for k, v in change.items() if v} or None


def _taint_change(old: list[Any], new: list[Any]) -> dict[str, Any] | None:
    change = {
        "addOrUpdateTaints": [t for t in new if t not in old],
        "removeTaints": [t for t in old if not any(_same_taint(t, n) for n in new)],
    }
    return {k: v for k, v in change.items() if v} or None


def _same_taint(one: Properties, other: Properties) -> bool:
    return (one["key"], one["effect"]) == (other["key"], other["effect"])


def _await_group_update(cloud: Cloud, cluster: str, name: str, answer: Any) -> None:
    identity = answer["update"]["id"]
    cloud.wait(
        f"update {identity} of EKS node group {cluster}:{name}",
        lambda: cloud.eks("DescribeUpdate", name=cluster, nodegroupName=name, updateId=identity)["update"]["status"],
        until={"Successful"},
        failed={"Failed", "Cancelled"},
        seconds=_NODEGROUP_SECONDS,
    )


def _delete_group(cloud: Cloud, identity: str, known: Properties) -> None:
    cluster, _, name = identity.partition(":")
    ignore(
        lambda: cloud.retry(
            lambda: cloud.eks("DeleteNodegroup", clusterName=cluster, nodegroupName=name),
            codes={"ResourceInUseException": None},
            seconds=60,
        ),
        GONE,
    )
    await_status(
        cloud,
        f"EKS node group {identity}",
        lambda: _group(cloud, identity),
        "DELETED",
        failed={"DELETE_FAILED"},
        seconds=_DELETE_SECONDS,
    )


def _group_problems(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    scaling = inputs.get("scalingConfig")
    if isinstance(scaling, dict):
        problems |= {
            f"scalingConfig.{n}": f"`scalingConfig` needs `{n}`"
            for n in ("desiredSize", "maxSize", "minSize")
            if n not in scaling
        }
    for taint in inputs.get("taints") or [] if isinstance(inputs.get("taints"), list) else []:
        if isinstance(taint.get("effect"), str) and taint["effect"] not in _EFFECTS:
            problems["taints"] = f"the effect of a taint must be one of {', '.join(sorted(_EFFECTS))}"
    return problems


NODE_GROUP = ResourceType(
    token="aws:eks/nodeGroup:NodeGroup",
    create=_create_group,
    read=_read_group,
    update=_update_group,
    delete=_delete_group,
    ready=_await_group,
    tagger=tag,
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


def _create_addon(cloud: Cloud, inputs: Properties) -> str:
    cloud.retry(
        lambda: cloud.eks(
            "CreateAddon",
            clusterName=inputs["clusterName"],
            addonName=inputs["addonName"],
            addonVersion=inputs.get("addonVersion"),
            configurationValues=inputs.get("configurationValues"),
            resolveConflicts=inputs.get("resolveConflictsOnCreate"),
            serviceAccountRoleArn=inputs.get("serviceAccountRoleArn"),
            podIdentityAssociations=inputs.get("podIdentityAssociations"),
            tags=inputs.get("tagsAll"),
        ),
        codes={"InvalidParameterException": "CREATE_FAILED", "InvalidRequestException": "is not in ACTIVE"},
    )
    return f"{inputs['clusterName']}:{inputs['addonName']}"


def _addon(cloud: Cloud, identity: str) -> Any:
    cluster, _, name = identity.partition(":")
    answer = absent_as_none(lambda: cloud.eks("DescribeAddon", clusterName=cluster, addonName=name), GONE)
    return answer["addon"] if answer else None


def _await_addon(cloud: Cloud, identity: str, inputs: Properties) -> None:
    await_status(
        cloud,
        f"EKS add-on {identity}",
        lambda: _addon(cloud, identity),
        "ACTIVE",
        failed={"CREATE_FAILED", "DELETED"},
        seconds=_ADDON_SECONDS,
    )


def _read_addon(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _addon(cloud, identity)
    if found is None:
        return None
    return {
        "clusterName": found["clusterName"],
        "addonName": found["addonName"],
        "addonVersion": found["addonVersion"],
        "arn": found["addonArn"],
        "configurationValues": found.get("configurationValues") or "",
        "createdAt": timestamp(found.get("createdAt")),
        "modifiedAt": timestamp(found.get("modifiedAt")),
        "namespaceConfig": {"namespace": (found.get("namespaceConfig") or {}).get("namespace", "kube-system")},
        "serviceAccountRoleArn": found.get("serviceAccountRoleArn") or None,
        "tagsAll": own_tags(found),
    }


def _update_addon(cloud: Cloud, update: Update) -> None:
    cluster, _, name = update.identity.partition(":")
    new = update.new
    if not {"addonVersion", "configurationValues", "serviceAccountRoleArn"} & update.changed:
        return
    answer = cloud.eks(
        "UpdateAddon",
        clusterName=cluster,
        addonName=name,
        addonVersion=new.get("addonVersion"),
        configurationValues=new.get("configurationValues"),
        serviceAccountRoleArn=new.get("serviceAccountRoleArn"),
        resolveConflicts=new.get("resolveConflictsOnUpdate"),
    )
    identity = answer["update"]["id"]
    cloud.wait(
        f"update {identity} of EKS add-on {update.identity}",
        lambda: cloud.eks("DescribeUpdate", name=cluster, addonName=name, updateId=identity)["update"]["status"],
        until={"Successful"},
        failed={"Failed", "Cancelled"},
        seconds=_ADDON_SECONDS,
    )


def _delete_addon(cloud: Cloud, identity: str, known: Properties) -> None:
    cluster, _, name = identity.partition(":")
    ignore(lambda: cloud.eks("DeleteAddon", clusterName=cluster, addonName=name, preserve=known.get("preserve")), GONE)
    await_status(
        cloud,
        f"EKS add-on {identity}",
        lambda: _addon(cloud, identity),
        "DELETED",
        failed={"DELETE_FAILED"},
        seconds=_DELETE_SECONDS,
    )


ADDON = ResourceType(
    token="aws:eks/addon:Addon",
    create=_create_addon,
    read=_read_addon,
    update=_update_addon,
    delete=_delete_addon,
    ready=_await_addon,
    tagger=tag,
    replaces=names("clusterName addonName"),
    unsupported=names("namespaceConfig podIdentityAssociations"),
    volatile=dict.fromkeys(("addonVersion", "configurationValues", "serviceAccountRoleArn"), ("modifiedAt",)),
)
