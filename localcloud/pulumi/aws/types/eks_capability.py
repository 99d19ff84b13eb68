"""EKS's managed capabilities, such as ACK."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import ResourceType, Update, names
from localcloud.pulumi.aws.types.eks_cluster import GONE, ROLE_SETTLING, await_status, own_tags, tag
from localcloud.pulumi.wire import Properties

_SECONDS = 20 * 60.0  # of the official provider, for each of create, update and delete


def _names(identity: str) -> dict[str, str]:
    cluster, _, capability = identity.partition(",")
    return {"clusterName": cluster, "capabilityName": capability}


def _create(cloud: Cloud, inputs: Properties) -> str:
    cloud.retry(
        lambda: cloud.eks(
            "CreateCapability",
            clusterName=inputs["clusterName"],
            capabilityName=inputs["capabilityName"],
            type=inputs["type"],
            roleArn=inputs["roleArn"],
            deletePropagationPolicy=inputs["deletePropagationPolicy"],
            tags=inputs.get("tagsAll"),
        ),
        codes=ROLE_SETTLING,
    )
    return f"{inputs['clusterName']},{inputs['capabilityName']}"


def _capability(cloud: Cloud, identity: str) -> Any:
    answer = absent_as_none(lambda: cloud.eks("DescribeCapability", **_names(identity)), GONE)
    return answer["capability"] if answer else None


def _await(cloud: Cloud, identity: str, inputs: Properties) -> None:
    cluster, _, capability = identity.partition(",")
    await_status(
        cloud,
        f"EKS capability {capability} of {cluster}",
        lambda: _capability(cloud, identity),
        "ACTIVE",
        failed={"CREATE_FAILED", "DEGRADED", "DELETED"},
        seconds=_SECONDS,
        cure=(
            "It remains so. When the cause is fixed, delete it and create it again: aws eks delete-capability "
            f"--cluster-name {cluster} --capability-name {capability}; pulumi up --refresh"
        ),
    )


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _capability(cloud, identity)
    if found is None:
        return None
    return {
        "arn": found["arn"],
        "capabilityName": found["capabilityName"],
        "clusterName": found["clusterName"],
        "type": found["type"],
        "roleArn": found["roleArn"],
        "deletePropagationPolicy": found["deletePropagationPolicy"],
        "version": found.get("version") or "",
        "tagsAll": own_tags(found),
    }


def _update(cloud: Cloud, update: Update) -> None:
    cloud.eks("UpdateCapability", **_names(update.identity), roleArn=update.new["roleArn"])


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    ignore(lambda: cloud.eks("DeleteCapability", **_names(identity)), GONE)
    await_status(
        cloud,
        f"EKS capability {identity}",
        lambda: _capability(cloud, identity),
        "DELETED",
        failed={"DELETE_FAILED"},
        seconds=_SECONDS,
    )


CAPABILITY = ResourceType(
    token="aws:eks/capability:Capability",
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    ready=_await,
    tagger=tag,
    replaces=names("capabilityName clusterName deletePropagationPolicy type"),
    unsupported=names("configuration timeouts"),
)
