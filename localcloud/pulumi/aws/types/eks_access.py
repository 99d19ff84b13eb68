"""Who may do what in an EKS cluster: access entries and their policies, and the roles of pods."""

from __future__ import annotations

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.wire import Properties, names

_SERVICE = "eks"
_GONE = ("ResourceNotFoundException",)

# Access entry

_ENTRY = Api(
    token="aws:eks/accessEntry:AccessEntry",
    service=_SERVICE,
    identity="clusterName:principalArn",
    calls=("CreateAccessEntry", "DescribeAccessEntry", "DeleteAccessEntry"),
    key="accessEntry",
    gone=_GONE,
    tagging=Tagging(_SERVICE, output="accessEntryArn"),
    settling={
        "InvalidParameterException": "principalArn",
        "ResourceNotFoundException": "The specified principalArn",
    },
)

ACCESS_ENTRY = _ENTRY.type(
    update=_ENTRY.update,
    replaces=names("clusterName principalArn type"),
    defaults={"type": "STANDARD"},
    sets=names("kubernetesGroups"),
    volatile=dict.fromkeys(("kubernetesGroups", "userName"), ("modifiedAt",)),
)

# Access policy association

_POLICY = Api(
    token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    service=_SERVICE,
    identity="clusterName#principalArn#policyArn",
    calls=("AssociateAccessPolicy", "ListAssociatedAccessPolicies", "DisassociateAccessPolicy"),
    key="associatedAccessPolicies",
    gone=_GONE,
    settling={"ResourceNotFoundException": "principalArn"},
    settling_seconds=10,
)


def _read_associated(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    entries, policy = _POLICY.found(cloud, identity) or [], _POLICY.keys(identity)["policyArn"]
    found = next((entry for entry in entries if entry["policyArn"] == policy), None)
    return found and _POLICY.outputs(cloud, identity, found)


ACCESS_POLICY_ASSOCIATION = _POLICY.type(
    read=_read_associated,
    replaces=names("accessScope clusterName policyArn principalArn"),
    sets=names("accessScope.namespaces"),
    # the same principal and policy can be associated once only
    delete_first=True,
)

# Pod identity association

_POD_IDENTITY = Api(
    token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    service=_SERVICE,
    identity="associationId",
    calls=("CreatePodIdentityAssociation", "DescribePodIdentityAssociation", "DeletePodIdentityAssociation"),
    key="association",
    gone=_GONE,
    tagging=Tagging(_SERVICE, output="associationArn"),
    settling={"InvalidParameterException": "Role provided in the request does not exist"},
)


def _read_pod_identity(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    cluster, comma, name = identity.partition(",")
    if comma:  # an import, `<cluster>,<association>`
        identity, known = name, {"clusterName": cluster}
    found = _POD_IDENTITY.found(cloud, identity, {"clusterName": known.get("clusterName")})
    return found and {"id": identity, **_POD_IDENTITY.outputs(cloud, identity, found)}


POD_IDENTITY_ASSOCIATION = _POD_IDENTITY.type(
    read=_read_pod_identity,
    update=_POD_IDENTITY.update,
    replaces=names("clusterName namespace serviceAccount"),
    documents=names("policy"),
)

TYPES = (
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    POD_IDENTITY_ASSOCIATION,
)
