"""The cluster operations of EKS, with a real control plane behind each cluster.

The Kubernetes versions that EKS offers are those of a fixed day, so that a tested version stays supported.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.eks.access import grant_creator
from localcloud.aws.eks.account import Network, Roles, control_plane
from localcloud.aws.eks.store import (
    ClusterRecord,
    Record,
    Store,
    in_use,
    invalid,
    invalid_request,
    new_arn,
    not_found,
    now,
    page,
)
from localcloud.aws.protocol.wire import Call, Operation
from localcloud.cluster.backend import LocalClusters

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

AS_OF = datetime(2026, 11, 27, tzinfo=UTC)
DEFAULT_VERSION = "1.35"
_DAY = "%Y-%m-%d"
# version -> (released by EKS, end of standard support, end of extended support); Amazon EKS release calendar.
_CALENDAR = {
    "1.36": ("2026-05-27", "2027-07-27", "2028-07-27"),
    "1.35": ("2026-01-27", "2027-03-27", "2028-03-27"),
    "1.34": ("2025-10-02", "2026-12-02", "2027-12-02"),
    "1.33": ("2025-05-29", "2026-07-29", "2027-07-29"),
    "1.32": ("2025-01-23", "2026-03-23", "2027-03-23"),
}


class Clusters:
    """The cluster operations of EKS.

    Args:
        store: where the records are kept.
        backend: runs the control planes.
        network: EKS's view of the VPC.
        roles: EKS's view of IAM.
    """

    def __init__(self, store: Store, backend: LocalClusters, network: Network, roles: Roles) -> None:
        self._store = store
        self._backend = backend
        self._network = network
        self._roles = roles

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateCluster": self.create,
            "DescribeCluster": self.describe,
            "ListClusters": self.list,
            "DeleteCluster": self.delete,
            "UpdateClusterConfig": self.update_config,
            "UpdateClusterVersion": self.update_version,
            "DescribeUpdate": self.describe_update,
            "DescribeClusterVersions": describe_cluster_versions,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        params, name = call.params, call.params["name"]
        version = params.get("version") or DEFAULT_VERSION
        check_version(version)
        self._roles.check(control_plane(params["roleArn"], new_arn(call, f"cluster/{name}")))
        subnet_ids = params["resourcesVpcConfig"].get("subnetIds") or []
        vpc_id = self._network.vpc_of(subnet_ids)
        if name in self._store.clusters:
            raise in_use(f"Cluster already exists with name: {name}")
        default = {"bootstrapClusterCreatorAdminPermissions": True, "authenticationMode": "CONFIG_MAP"}
        access: Record = {**default, **(params.get("accessConfig") or {})}
        record = ClusterRecord(
            description=_description(call, version, vpc_id, access),
            creator=call.principal.identity_arn,
            creator_is_admin=access["bootstrapClusterCreatorAdminPermissions"],
        )
        grant_creator(record)
        group = self._network.create_cluster_network(name, vpc_id, subnet_ids)
        record.description["resourcesVpcConfig"]["clusterSecurityGroupId"] = group
        self._store.clusters[name] = record
        self._store.in_background(lambda: self._start(record), record.description, "FAILED", "InternalFailure")
        return {"cluster": record.description}

    def describe(self, call: Call) -> Mapping[str, Any]:
        return {"cluster": self._store.cluster(call.params["name"]).description}

    def list(self, call: Call) -> Mapping[str, Any]:
        return page(sorted(self._store.clusters), call.params, "clusters")

    def delete(self, call: Call) -> Mapping[str, Any]:
        name = call.params["name"]
        record = self._store.cluster(name)
        if record.nodegroups:
            raise in_use("Cluster has nodegroups attached")
        if record.capabilities:
            raise in_use("Cluster has capabilities attached")
        if record.description["deletionProtection"]:
            raise invalid_request(f"Cannot delete cluster {name}: deletion protection is on.")
        if record.description["status"] in {"CREATING", "DELETING"}:
            raise in_use(f"Cannot delete because cluster {name} currently has an update in progress")
        record.description["status"] = "DELETING"
        self._store.in_background(lambda: self._stop(record), record.description, "FAILED", "InternalFailure")
        return {"cluster": record.description}

    def update_config(self, call: Call) -> Mapping[str, Any]:
        record = self._store.active_cluster(call.params["name"])
        kind, changes = _apply_config(record.description, call.params)
        return {"update": record.add_update(kind, changes)}

    def update_version(self, call: Call) -> Mapping[str, Any]:
        """Refuse, because a cluster of the local cloud cannot be upgraded."""
        wanted = call.params["version"]
        check_version(wanted)
        current = self._store.active_cluster(call.params["name"]).description["version"]
        if wanted == current:
            raise invalid_request(f"Cluster is already at version {wanted}")
        raise invalid(
            f"The local cloud runs Kubernetes {current} only and cannot turn this cluster into {wanted}. "
            "Destroy it and create it again."
        )

    def describe_update(self, call: Call) -> Mapping[str, Any]:
        update = self._store.cluster(call.params["name"]).updates.get(call.params["updateId"])
        if update is None:
            raise not_found(f"No update found for ID: {call.params['updateId']}")
        return {"update": update}

    def _start(self, record: ClusterRecord) -> None:
        endpoint = self._backend.create_cluster(record.name, record.description["version"])
        with self._store.lock:
            record.admin_kubeconfig = endpoint.admin_kubeconfig
            record.description |= {
                "endpoint": endpoint.endpoint,
                "certificateAuthority": {"data": base64.b64encode(endpoint.certificate_authority).decode()},
                "status": "ACTIVE",
            }

    def _stop(self, record: ClusterRecord) -> None:
        self._backend.delete_cluster(record.name)
        group = record.description["resourcesVpcConfig"]["clusterSecurityGroupId"]
        self._network.delete_cluster_network(record.name, group)
        with self._store.lock:
            del self._store.clusters[record.name]


def _description(call: Call, version: str, vpc_id: str, access: Record) -> Record:
    params, name = call.params, call.params["name"]
    vpc = params["resourcesVpcConfig"]
    issuer = f"https://oidc.eks.{call.region}.amazonaws.com/id/{secrets.token_hex(16).upper()}"
    description: Record = {
        "name": name,
        "arn": new_arn(call, f"cluster/{name}"),
        "createdAt": now(),
        "version": version,
        "roleArn": params["roleArn"],
        "resourcesVpcConfig": {
            "subnetIds": list(vpc.get("subnetIds") or []),
            "securityGroupIds": list(vpc.get("securityGroupIds") or []),
            "vpcId": vpc_id,
            "endpointPublicAccess": vpc.get("endpointPublicAccess", True),
            "endpointPrivateAccess": vpc.get("endpointPrivateAccess", False),
            "publicAccessCidrs": list(vpc.get("publicAccessCidrs") or ["0.0.0.0/0"]),
        },
        "kubernetesNetworkConfig": _network_config(params.get("kubernetesNetworkConfig") or {}),
        "logging": _logging(params.get("logging") or {}),
        "identity": {"oidc": {"issuer": issuer}},
        "status": "CREATING",
        "clientRequestToken": params.get("clientRequestToken") or str(uuid.uuid4()),
        "platformVersion": "eks.9",
        "tags": dict(params.get("tags") or {}),
        "health": {"issues": []},
        "accessConfig": access,
        "upgradePolicy": {"supportType": "EXTENDED", **(params.get("upgradePolicy") or {})},
        "deletionProtection": bool(params.get("deletionProtection", False)),
    }
    if params.get("encryptionConfig"):
        description["encryptionConfig"] = params["encryptionConfig"]
    return description


def _network_config(given: Mapping[str, Any]) -> Record:
    return {
        "serviceIpv4Cidr": given.get("serviceIpv4Cidr", "172.20.0.0/16"),
        "ipFamily": given.get("ipFamily", "ipv4"),
        "elasticLoadBalancing": {"enabled": False},
    }


def _logging(given: Mapping[str, Any]) -> Record:
    enabled = {kind for entry in given.get("clusterLogging") or [] if entry.get("enabled") for kind in entry["types"]}
    on = [kind for kind in _LOG_TYPES if kind in enabled]
    off = [kind for kind in _LOG_TYPES if kind not in enabled]
    return {"clusterLogging": [{"types": kinds, "enabled": kinds is on} for kinds in (on, off) if kinds]}


def _apply_config(description: Record, params: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    changes: dict[str, str] = {}
    kind = ""
    vpc = params.get("resourcesVpcConfig")
    if vpc:
        kind = (
            "EndpointAccessUpdate"
            if vpc.keys() & {"endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"}
            else "VpcConfigUpdate"
        )
        description["resourcesVpcConfig"] |= dict(vpc)
        changes |= {key[0].upper() + key[1:]: str(value) for key, value in vpc.items()}
    if params.get("logging"):
        kind = "LoggingUpdate"
        description["logging"] = _logging(params["logging"])
        changes["ClusterLogging"] = params["logging"]
    if params.get("accessConfig"):
        kind = "AccessConfigUpdate"
        description["accessConfig"] |= params["accessConfig"]
        changes["AuthenticationMode"] = str(params["accessConfig"].get("authenticationMode"))
    if params.get("upgradePolicy"):
        kind = "UpgradePolicyUpdate"
        description["upgradePolicy"] = dict(params["upgradePolicy"])
        changes["UpgradePolicy"] = params["upgradePolicy"]
    if "deletionProtection" in params:
        kind = "DeletionProtectionUpdate"
        description["deletionProtection"] = bool(params["deletionProtection"])
        changes["DeletionProtection"] = params["deletionProtection"]
    if not kind:
        raise invalid("No changes needed for the cluster: the request names nothing that can be updated here.")
    return kind, changes


def status_of(version: str, moment: datetime = AS_OF) -> str:
    """Return how EKS supports a Kubernetes version at a moment: STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED."""
    if version not in _CALENDAR:
        return "UNSUPPORTED"
    _, standard, extended = (_day(text) for text in _CALENDAR[version])
    if moment < standard:
        return "STANDARD_SUPPORT"
    return "EXTENDED_SUPPORT" if moment < extended else "UNSUPPORTED"


def check_version(version: str) -> None:
    """Refuse a Kubernetes version that EKS does not offer.

    Raises:
        AwsError: InvalidParameterException.
    """
    if status_of(version) == "UNSUPPORTED":
        raise invalid(f"unsupported Kubernetes version {version}")


def describe_cluster_versions(call: Call) -> Mapping[str, Any]:
    params = call.params
    wanted = params.get("clusterVersions")
    status = params.get("versionStatus") or (params.get("status") or "").upper()
    rows = [_describe(version) for version in _CALENDAR]
    rows = [
        row
        for row in rows
        if (not wanted or row["clusterVersion"] in wanted)
        and (not status or row["versionStatus"] == status)
        and (not params.get("defaultOnly") or row["defaultVersion"])
        and (params.get("includeAll") or status or wanted or row["versionStatus"] != "UNSUPPORTED")
    ]
    return page(rows, params, "clusterVersions")


def _describe(version: str) -> Record:
    released, standard, extended = (_day(text) for text in _CALENDAR[version])
    status = status_of(version)
    return {
        "clusterVersion": version,
        "clusterType": "eks",
        "defaultPlatformVersion": "eks.9",
        "defaultVersion": version == DEFAULT_VERSION,
        "releaseDate": released,
        "endOfStandardSupportDate": standard,
        "endOfExtendedSupportDate": extended,
        "status": status.lower(),
        "versionStatus": status,
        "kubernetesPatchVersion": f"{version}.4",
    }


def _day(text: str) -> datetime:
    return datetime.strptime(text, _DAY).replace(tzinfo=UTC)
