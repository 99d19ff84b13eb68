"""Who may do what in an EKS cluster: access entries and their policies, and the roles of pods."""

from __future__ import annotations

from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import ResourceType, Tags, Update, names
from localcloud.pulumi.aws.types.eks_cluster import GONE, own_tags, tag, timestamp
from localcloud.pulumi.wire import Properties

_PRINCIPAL_SETTLING = {
    "InvalidParameterException": "principalArn",
    "ResourceNotFoundException": "The specified principalArn",
}

# Access entry


def _create_entry(cloud: Cloud, inputs: Properties) -> str:
    cloud.retry(
        lambda: cloud.eks(
            "CreateAccessEntry",
            clusterName=inputs["clusterName"],
            principalArn=inputs["principalArn"],
            kubernetesGroups=inputs.get("kubernetesGroups"),
            type=inputs["type"],
            username=inputs.get("userName"),
            tags=inputs.get("tagsAll"),
        ),
        codes=_PRINCIPAL_SETTLING,
    )
    return f"{inputs['clusterName']}:{inputs['principalArn']}"


def _entry(cloud: Cloud, identity: str) -> Any:
    cluster, _, principal = identity.partition(":")
    answer = absent_as_none(lambda: cloud.eks("DescribeAccessEntry", clusterName=cluster, principalArn=principal), GONE)
    return answer["accessEntry"] if answer else None


def _read_entry(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _entry(cloud, identity)
    if found is None:
        return None
    return {
        "clusterName": found["clusterName"],
        "principalArn": found["principalArn"],
        "accessEntryArn": found["accessEntryArn"],
        "kubernetesGroups": found.get("kubernetesGroups") or [],
        "type": found.get("type", "STANDARD"),
        "userName": found.get("username", ""),
        "createdAt": timestamp(found.get("createdAt")),
        "modifiedAt": timestamp(found.get("modifiedAt")),
        "tagsAll": own_tags(found),
    }


def _update_entry(cloud: Cloud, update: Update) -> None:
    if {"kubernetesGroups", "userName"} & update.changed:
        cloud.eks(
            "UpdateAccessEntry",
            clusterName=update.new["clusterName"],
            principalArn=update.new["principalArn"],
            kubernetesGroups=update.new.get("kubernetesGroups") or [],
            username=update.new.get("userName"),
        )


def _delete_entry(cloud: Cloud, identity: str, known: Properties) -> None:
    cluster, _, principal = identity.partition(":")
    ignore(lambda: cloud.eks("DeleteAccessEntry", clusterName=cluster, principalArn=principal), GONE)


def _tag_entry(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    tag(cloud, identity, outputs, add, remove, arn="accessEntryArn")


ACCESS_ENTRY = ResourceType(
    token="aws:eks/accessEntry:AccessEntry",
    create=_create_entry,
    read=_read_entry,
    update=_update_entry,
    delete=_delete_entry,
    tagger=_tag_entry,
    replaces=names("clusterName principalArn type"),
    defaults={"type": "STANDARD"},
    sets=names("kubernetesGroups"),
    volatile=dict.fromkeys(("kubernetesGroups", "userName"), ("modifiedAt",)),
)

# Access policy association


def _associate(cloud: Cloud, inputs: Properties) -> str:
    cloud.retry(
        lambda: cloud.eks(
            "AssociateAccessPolicy",
            clusterName=inputs["clusterName"],
            principalArn=inputs["principalArn"],
            policyArn=inputs["policyArn"],
            accessScope=inputs["accessScope"],
        ),
        codes={"ResourceNotFoundException": "principalArn"},
        seconds=10,
    )
    return f"{inputs['clusterName']}#{inputs['principalArn']}#{inputs['policyArn']}"


def _associated(cloud: Cloud, identity: str) -> Any:
    cluster, principal, policy = identity.split("#", 2)
    answer = absent_as_none(
        lambda: cloud.eks("ListAssociatedAccessPolicies", clusterName=cluster, principalArn=principal), GONE
    )
    entries = answer["associatedAccessPolicies"] if answer else []
    return next((entry for entry in entries if entry["policyArn"] == policy), None)


def _read_associated(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _associated(cloud, identity)
    if found is None:
        return None
    cluster, principal, policy = identity.split("#", 2)
    scope = found.get("accessScope") or {}
    return {
        "clusterName": cluster,
        "principalArn": principal,
        "policyArn": policy,
        "accessScope": {"type": scope.get("type", "cluster"), "namespaces": scope.get("namespaces") or []},
        "associatedAt": timestamp(found.get("associatedAt")),
        "modifiedAt": timestamp(found.get("modifiedAt")),
    }


def _disassociate(cloud: Cloud, identity: str, known: Properties) -> None:
    cluster, principal, policy = identity.split("#", 2)
    ignore(
        lambda: cloud.eks("DisassociateAccessPolicy", clusterName=cluster, principalArn=principal, policyArn=policy),
        GONE,
    )


ACCESS_POLICY_ASSOCIATION = ResourceType(
    token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    create=_associate,
    read=_read_associated,
    delete=_disassociate,
    replaces=names("accessScope clusterName policyArn principalArn"),
    sets=names("accessScope.namespaces"),
    # the same principal and policy can be associated once only
    delete_first=True,
)

# Pod identity association


def _create_pod_identity(cloud: Cloud, inputs: Properties) -> str:
    return cloud.retry(
        lambda: cloud.eks(
            "CreatePodIdentityAssociation",
            clusterName=inputs["clusterName"],
            namespace=inputs["namespace"],
            serviceAccount=inputs["serviceAccount"],
            roleArn=inputs["roleArn"],
            disableSessionTags=inputs.get("disableSessionTags"),
            targetRoleArn=inputs.get("targetRoleArn"),
            policy=inputs.get("policy"),
            tags=inputs.get("tagsAll"),
        ),
        codes={"InvalidParameterException": "Role provided in the request does not exist"},
    )["association"]["associationId"]


def _pod_identity(cloud: Cloud, cluster: str, identity: str) -> Any:
    answer = absent_as_none(
        lambda: cloud.eks("DescribePodIdentityAssociation", clusterName=cluster, associationId=identity), GONE
    )
    return answer["association"] if answer else None


def _read_pod_identity(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    cluster, identity = identity.split(",", 1) if "," in identity else (known.get("clusterName", ""), identity)
    found = _pod_identity(cloud, cluster, identity)
    if found is None:
        return None
    return {
        "id": identity,
        "clusterName": found["clusterName"],
        "namespace": found["namespace"],
        "serviceAccount": found["serviceAccount"],
        "roleArn": found["roleArn"],
        "associationArn": found["associationArn"],
        "associationId": identity,
        "disableSessionTags": bool(found.get("disableSessionTags")),
        "externalId": found.get("externalId", ""),
        "targetRoleArn": found.get("targetRoleArn") or None,
        "policy": found.get("policy") or None,
        "tagsAll": own_tags(found),
    }


def _update_pod_identity(cloud: Cloud, update: Update) -> None:
    if {"roleArn", "disableSessionTags", "targetRoleArn", "policy"} & update.changed:
        cloud.eks(
            "UpdatePodIdentityAssociation",
            clusterName=update.new["clusterName"],
            associationId=update.identity,
            roleArn=update.new["roleArn"],
            disableSessionTags=update.new.get("disableSessionTags"),
            targetRoleArn=update.new.get("targetRoleArn"),
            policy=update.new.get("policy"),
        )


def _delete_pod_identity(cloud: Cloud, identity: str, known: Properties) -> None:
    cluster = known["clusterName"]
    ignore(lambda: cloud.eks("DeletePodIdentityAssociation", clusterName=cluster, associationId=identity), GONE)


def _tag_pod_identity(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    tag(cloud, identity, outputs, add, remove, arn="associationArn")


POD_IDENTITY_ASSOCIATION = ResourceType(
    token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    create=_create_pod_identity,
    read=_read_pod_identity,
    update=_update_pod_identity,
    delete=_delete_pod_identity,
    tagger=_tag_pod_identity,
    replaces=names("clusterName namespace serviceAccount"),
    documents=names("policy"),
)
