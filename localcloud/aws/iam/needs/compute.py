"""Permissions of SageMaker and EKS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Keys, Need, fill, members, pass_role, tag_keys, tags_of
from localcloud.aws.protocol.wire import Call
from localcloud.aws.sagemaker.store import model_arn, transform_job_arn

_ON_JOBS = ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob")
_ON_MODELS = ("CreateModel", "DescribeModel", "DeleteModel")

_EKS = "arn:aws:eks:{region}:{account}:"
_CLUSTER = "cluster/{name}"
_IN_CLUSTER = "cluster/{clusterName}"
_EKS_RESOURCES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "CreateCluster",
            "DescribeCluster",
            "DeleteCluster",
            "UpdateClusterConfig",
            "UpdateClusterVersion",
            "DescribeUpdate",
            "ListUpdates",
        ),
        _CLUSTER,
    ),
    **dict.fromkeys(
        (
            "CreateNodegroup",
            "ListNodegroups",
            "CreateAddon",
            "ListAddons",
            "CreateAccessEntry",
            "ListAccessEntries",
            "CreatePodIdentityAssociation",
            "ListPodIdentityAssociations",
            "CreateCapability",
            "ListCapabilities",
        ),
        _IN_CLUSTER,
    ),
    **dict.fromkeys(
        ("DescribeNodegroup", "DeleteNodegroup", "UpdateNodegroupConfig", "UpdateNodegroupVersion"),
        "nodegroup/{clusterName}/{nodegroupName}/*",
    ),
    **dict.fromkeys(("DescribeAddon", "DeleteAddon", "UpdateAddon"), "addon/{clusterName}/{addonName}/*"),
    **dict.fromkeys(
        (
            "DescribeAccessEntry",
            "DeleteAccessEntry",
            "UpdateAccessEntry",
            "AssociateAccessPolicy",
            "DisassociateAccessPolicy",
            "ListAssociatedAccessPolicies",
        ),
        "access-entry/{clusterName}/*",
    ),
    **dict.fromkeys(
        ("DescribePodIdentityAssociation", "DeletePodIdentityAssociation", "UpdatePodIdentityAssociation"),
        "podidentityassociation/{clusterName}/{associationId}",
    ),
    **dict.fromkeys(
        ("DescribeCapability", "DeleteCapability", "UpdateCapability"),
        "capability/{clusterName}/ack/{capabilityName}/*",
    ),
}
_EKS_SERVICE = "eks.amazonaws.com"
_PODS_SERVICE = "pods.eks.amazonaws.com"
_CAPABILITIES_SERVICE = "capabilities.eks.amazonaws.com"


def sagemaker(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"sagemaker:{call.operation}"
    if call.operation in {"AddTags", "DeleteTags", "ListTags"}:
        keys = tag_keys(tags_of(call))
        return [Need(action, str(call.params.get("ResourceArn") or "*"), keys)]
    if call.operation not in (*_ON_JOBS, *_ON_MODELS):
        return [Need(action, "*")]
    resource = _sagemaker_resource(call)
    tags = tag_keys(tags_of(call))
    found = [Need(action, resource, {**_job_keys(call), **tags})]
    if tags:
        found.append(Need("sagemaker:AddTags", resource, tags))
    if call.operation == "CreateModel" and call.params.get("ExecutionRoleArn"):
        found.append(pass_role(str(call.params["ExecutionRoleArn"]), "sagemaker.amazonaws.com"))
    return found


def _sagemaker_resource(call: Call) -> str:
    if call.operation in _ON_JOBS:
        name = str(call.params.get("TransformJobName") or "*")
        return transform_job_arn(call.region, call.principal.account_id, name)
    return model_arn(call.region, call.principal.account_id, str(call.params.get("ModelName") or "*"))


def _job_keys(call: Call) -> Keys:
    keys: Keys = {}
    resources = call.params.get("TransformResources") or {}
    if resources.get("InstanceType"):
        keys["sagemaker:instancetypes"] = (str(resources["InstanceType"]),)
    if resources.get("VolumeKmsKeyId"):
        keys["sagemaker:volumekmskey"] = (str(resources["VolumeKmsKeyId"]),)
    output = call.params.get("TransformOutput") or {}
    if output.get("KmsKeyId"):
        keys["sagemaker:outputkmskey"] = (str(output["KmsKeyId"]),)
    if call.operation == "CreateTransformJob" and call.params.get("ModelName"):
        keys["sagemaker:modelarn"] = (model_arn(call.region, call.principal.account_id, str(call.params["ModelName"])),)
    if call.operation == "CreateModel":
        keys["sagemaker:networkisolation"] = ("true" if call.params.get("EnableNetworkIsolation") else "false",)
    return keys


def eks(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"eks:{call.operation}"
    if call.operation in {"TagResource", "UntagResource", "ListTagsForResource"}:
        return [Need(action, str(call.params.get("resourceArn") or "*"), tag_keys(tags_of(call)))]
    template = _EKS_RESOURCES.get(call.operation)
    resource = fill(_EKS + template, call) if template else "*"
    tags = tag_keys(tags_of(call))
    found = [Need(action, resource, {**tags, **_eks_keys(call)})]
    if tags and call.operation.startswith("Create"):
        found.append(Need("eks:TagResource", resource, tags))
    return [*found, *_eks_roles(call)]


def _eks_keys(call: Call) -> Keys:
    keys: Keys = {}
    for name in ("principalArn", "policyArn"):
        if call.params.get(name):
            keys[f"eks:{name.lower()}"] = (str(call.params[name]),)
    support = (call.params.get("upgradePolicy") or {}).get("supportType")
    if support:
        keys["eks:supporttype"] = (str(support),)
    return keys


def _eks_roles(call: Call) -> Sequence[Need]:
    if call.operation == "CreateCluster":
        return [pass_role(str(call.params.get("roleArn")), _EKS_SERVICE)]
    if call.operation == "CreateNodegroup":
        return [pass_role(str(call.params.get("nodeRole")), _EKS_SERVICE)]
    if call.operation in {"CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"} and call.params.get(
        "roleArn"
    ):
        role = str(call.params["roleArn"])
        return [Need("iam:GetRole", role), pass_role(role, _PODS_SERVICE)]
    if call.operation in {"CreateCapability", "UpdateCapability"} and call.params.get("roleArn"):
        return [pass_role(str(call.params["roleArn"]), _CAPABILITIES_SERVICE)]
    if call.operation in {"CreateAddon", "UpdateAddon"}:
        roles = [row.get("roleArn") for row in members(call.params.get("podIdentityAssociations"))]
        found = [pass_role(str(role), _PODS_SERVICE) for role in roles]
        role = call.params.get("serviceAccountRoleArn")
        return [*found, pass_role(str(role), _EKS_SERVICE)] if role else found
    return []


def eks_auth(call: Call, _directory: Directory) -> Sequence[Need]:
    return [Need(f"eks-auth:{call.operation}", fill(_EKS + _IN_CLUSTER, call))]
