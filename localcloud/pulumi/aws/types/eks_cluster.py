"""The EKS cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import Naming, ResourceType, Tags, Update, names
from localcloud.pulumi.wire import Properties

GONE = "ResourceNotFoundException"
# EKS does not know a new role and its policies at once.
ROLE_SETTLING = {
    "InvalidParameterException": "role",
    "InvalidRequestException": "ErrMessageRoleNotFound",
    "AccessDeniedException": "not authorized to perform: iam:PassRole",
}
_CREATE_SECONDS = 30 * 60.0
_UPDATE_SECONDS = 60 * 60.0
_DELETE_SECONDS = 15 * 60.0
_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_VPC_INPUTS = {
    "subnetIds": "subnetIds",
    "securityGroupIds": "securityGroupIds",
    "endpointPrivateAccess": "endpointPrivateAccess",
    "endpointPublicAccess": "endpointPublicAccess",
    "publicAccessCidrs": "publicAccessCidrs",
}


def timestamp(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else ""


def tag(  # noqa: PLR0917  the signature that the table needs, and the ARN's property
    cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str], arn: str = "arn"
) -> None:
    """Change the tags of an EKS object by its ARN."""
    if remove:
        cloud.eks("UntagResource", resourceArn=outputs[arn], tagKeys=remove)
    if add:
        cloud.eks("TagResource", resourceArn=outputs[arn], tags=add)


def own_tags(found: Any) -> Tags:
    return {k: v for k, v in (found.get("tags") or {}).items() if not k.startswith("aws:")}


def _vpc_request(config: Properties) -> dict[str, Any]:
    return {api: config[name] for name, api in _VPC_INPUTS.items() if config.get(name) is not None}


def _create(cloud: Cloud, inputs: Properties) -> str:
    network = inputs.get("kubernetesNetworkConfig") or {}
    cloud.retry(
        lambda: cloud.eks(
            "CreateCluster",
            name=inputs["name"],
            version=inputs.get("version"),
            roleArn=inputs["roleArn"],
            resourcesVpcConfig=_vpc_request(inputs["vpcConfig"]),
            kubernetesNetworkConfig={
                n: network[n] for n in ("serviceIpv4Cidr", "ipFamily", "elasticLoadBalancing") if network.get(n)
            }
            or None,
            logging=_logging(inputs.get("enabledClusterLogTypes") or [])
            if inputs.get("enabledClusterLogTypes")
            else None,
            accessConfig=inputs.get("accessConfig"),
            encryptionConfig=_encryption(inputs),
            upgradePolicy=inputs.get("upgradePolicy"),
            bootstrapSelfManagedAddons=inputs["bootstrapSelfManagedAddons"],
            deletionProtection=inputs.get("deletionProtection"),
            zonalShiftConfig=inputs.get("zonalShiftConfig"),
            tags=inputs.get("tagsAll"),
        ),
        codes=ROLE_SETTLING,
    )
    return inputs["name"]


def _encryption(inputs: Properties) -> list[Any] | None:
    config = inputs.get("encryptionConfig")
    return [config] if config else None


def _logging(enabled: list[str]) -> dict[str, Any]:
    every = ("api", "audit", "authenticator", "controllerManager", "scheduler")
    off = [kind for kind in every if kind not in enabled]
    entries = [{"types": sorted(enabled), "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [entry for entry in entries if entry["types"]]}


def cluster(cloud: Cloud, name: str) -> Any:
    """The cluster as EKS describes it, or None."""
    answer = absent_as_none(lambda: cloud.eks("DescribeCluster", name=name), GONE)
    return answer["cluster"] if answer else None


def issues(found: Any) -> str:
    """The health issues that EKS reports for an object."""
    health = (found or {}).get("health") or {}
    return "; ".join(f"{i.get('code')}: {i.get('message')}" for i in health.get("issues") or [])


def await_status(
    cloud: Cloud,
    what: str,
    look: Callable[[], Any],
    until: str,
    *,
    failed: Collection[str],
    seconds: float,
    cure: str = "",
) -> None:
    """Wait until an EKS object has a status.

    Args:
        cloud: makes the calls to EKS.
        what: the object's name in messages.
        look: describes the object; None once it is gone, which counts as the status DELETED.
        until: the status.
        failed: statuses from which it cannot reach that one.
        seconds: how long to wait if the program sets no time.
        cure: what the user can do if it failed.

    Raises:
        WaitError: it failed, and the message has EKS's reasons; or time is up.
    """
    cloud.wait(
        what,
        lambda: (look() or {}).get("status", "DELETED"),
        until={until},
        failed=failed,
        seconds=seconds,
        reason=lambda: issues(look()),
        cure=cure,
    )


def anew(kind: str, named: str) -> str:
    """What to do about an object whose creation has failed, which no update can fix."""
    commands = f"aws eks delete-{kind} {named}; aws eks wait {kind}-deleted {named}; pulumi up --refresh"
    return f"It remains so. When the cause is fixed, delete it and create it again: {commands}"


def _await_active(cloud: Cloud, identity: str, inputs: Properties) -> None:
    await_status(
        cloud,
        f"EKS cluster {identity}",
        lambda: cluster(cloud, identity),
        "ACTIVE",
        failed={"FAILED", "DELETED"},
        seconds=_CREATE_SECONDS,
        cure=anew("cluster", f"--name {identity}"),
    )


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = cluster(cloud, identity)
    if found is None:
        return None
    network = found.get("kubernetesNetworkConfig") or {}
    issuer = ((found.get("identity") or {}).get("oidc") or {}).get("issuer", "")
    encryption = found.get("encryptionConfig") or []
    return {
        "name": identity,
        "arn": found["arn"],
        "clusterId": found.get("id") or "",  # set on Outposts only
        "status": found["status"],
        "version": found["version"],
        "platformVersion": found.get("platformVersion", ""),
        "createdAt": timestamp(found.get("createdAt")),
        "endpoint": found.get("endpoint", ""),
        "certificateAuthority": {"data": (found.get("certificateAuthority") or {}).get("data", "")},
        "identities": [{"oidcs": [{"issuer": issuer}]}] if issuer else [],
        "roleArn": found["roleArn"],
        "vpcConfig": _vpc_outputs(found.get("resourcesVpcConfig") or {}),
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": network.get("serviceIpv4Cidr", ""),
            "serviceIpv6Cidr": network.get("serviceIpv6Cidr", ""),
            "ipFamily": network.get("ipFamily", ""),
            "elasticLoadBalancing": {"enabled": (network.get("elasticLoadBalancing") or {}).get("enabled", False)},
        },
        "enabledClusterLogTypes": _enabled_logs(found.get("logging") or {}),
        "accessConfig": _access_outputs(found, known),
        "encryptionConfig": _encryption_outputs(encryption[0]) if encryption else None,
        "upgradePolicy": {"supportType": (found.get("upgradePolicy") or {}).get("supportType", "EXTENDED")},
        "deletionProtection": bool(found.get("deletionProtection")),
        "bootstrapSelfManagedAddons": known.get("bootstrapSelfManagedAddons", True),
        "tagsAll": own_tags(found),
    }


def _vpc_outputs(config: Any) -> Properties:
    return {
        "subnetIds": config.get("subnetIds") or [],
        "securityGroupIds": config.get("securityGroupIds") or [],
        "clusterSecurityGroupId": config.get("clusterSecurityGroupId", ""),
        "vpcId": config.get("vpcId", ""),
        "endpointPublicAccess": config.get("endpointPublicAccess", True),
        "endpointPrivateAccess": config.get("endpointPrivateAccess", False),
        "publicAccessCidrs": config.get("publicAccessCidrs") or [],
    }


def _access_outputs(found: Any, known: Properties) -> Properties:
    config = found.get("accessConfig") or {}
    given = (known.get("accessConfig") or {}).get("bootstrapClusterCreatorAdminPermissions", True)
    return {
        "authenticationMode": config.get("authenticationMode", "CONFIG_MAP"),
        # EKS does not return it later
        "bootstrapClusterCreatorAdminPermissions": config.get("bootstrapClusterCreatorAdminPermissions", given),
    }


def _encryption_outputs(config: Any) -> Properties:
    return {"resources": config.get("resources") or [], "provider": {"keyArn": config["provider"]["keyArn"]}}


def _enabled_logs(logging: Any) -> list[str]:
    return sorted(t for entry in logging.get("clusterLogging") or [] if entry.get("enabled") for t in entry["types"])


def _update(cloud: Cloud, update: Update) -> None:
    name, new = update.identity, update.new
    if "version" in update.changed and new.get("version"):
        answer = cloud.eks(
            "UpdateClusterVersion", name=name, version=new["version"], force=new.get("forceUpdateVersion")
        )
        _await_update(cloud, name, answer)
    for parameters in _configuration_changes(update):
        _await_update(cloud, name, cloud.eks("UpdateClusterConfig", name=name, **parameters))


def _configuration_changes(update: Update) -> list[dict[str, Any]]:
    """Send one request for each part: EKS takes one kind of change at a time."""
    new, changes = update.new, list[dict[str, Any]]()
    if "accessConfig" in update.changed:
        mode = (new.get("accessConfig") or {}).get("authenticationMode")
        changes += [{"accessConfig": {"authenticationMode": mode}}] if mode else []
    if "enabledClusterLogTypes" in update.changed:
        changes.append({"logging": _logging(new.get("enabledClusterLogTypes") or [])})
    if "upgradePolicy" in update.changed and new.get("upgradePolicy"):
        changes.append({"upgradePolicy": new["upgradePolicy"]})
    if "deletionProtection" in update.changed:
        changes.append({"deletionProtection": bool(new.get("deletionProtection"))})
    if "zonalShiftConfig" in update.changed and new.get("zonalShiftConfig"):
        changes.append({"zonalShiftConfig": new["zonalShiftConfig"]})
    if "vpcConfig" in update.changed:
        changes += _vpc_changes(update.old["vpcConfig"], new["vpcConfig"])
    return changes


def _vpc_changes(old: Properties, new: Properties) -> list[dict[str, Any]]:
    def differing(*keys: str) -> dict[str, Any]:
        return {k: new[k] for k in keys if new.get(k) is not None and new.get(k) != old.get(k)}

    members, access = (
        differing("subnetIds", "securityGroupIds"),
        differing("endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"),
    )
    return [{"resourcesVpcConfig": part} for part in (access, members) if part]


def _await_update(cloud: Cloud, name: str, answer: Any) -> None:
    identity = answer["update"]["id"]

    def found() -> Any:
        return cloud.eks("DescribeUpdate", name=name, updateId=identity)["update"]

    cloud.wait(
        f"update {identity} of EKS cluster {name}",
        lambda: found()["status"],
        until={"Successful"},
        failed={"Failed", "Cancelled"},
        seconds=_UPDATE_SECONDS,
        reason=lambda: "; ".join(f"{e.get('errorCode')}: {e.get('errorMessage')}" for e in found().get("errors") or []),
    )


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    # Node groups are deleted just before; EKS may still count them.
    codes = {"ResourceInUseException": None}
    ignore(lambda: cloud.retry(lambda: cloud.eks("DeleteCluster", name=identity), codes=codes, seconds=60), GONE)
    going = (cluster(cloud, identity) or {}).get("status") == "DELETING"
    await_status(
        cloud,
        f"EKS cluster {identity}",
        lambda: cluster(cloud, identity),
        "DELETED",
        failed={"FAILED", "ACTIVE"} if going else set(),
        seconds=_DELETE_SECONDS,
    )


def _problems(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    name, config = inputs.get("name"), inputs.get("vpcConfig")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        problems["name"] = f"{name!r} is not a cluster name: use letters, digits, `-` and `_`, at most 100"
    if isinstance(config, dict) and "subnetIds" not in config:
        problems["vpcConfig.subnetIds"] = "a cluster needs subnets, in two zones at least"
    return problems


CLUSTER = ResourceType(
    token="aws:eks/cluster:Cluster",
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    ready=_await_active,
    tagger=tag,
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
