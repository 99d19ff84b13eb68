"""Permissions of SageMaker, EKS, CloudWatch, CloudWatch Logs, Service Quotas and STS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Keys, Need, fill, members, pass_role, tag_keys, tags_of
from localcloud.aws.protocol.wire import Call

_SAGEMAKER = "arn:aws:sagemaker:{region}:{account}:"
_SAGEMAKER_RESOURCES: Mapping[str, str] = {
    **dict.fromkeys(
        ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob"), "transform-job/{TransformJobName}"
    ),
    **dict.fromkeys(("CreateModel", "DescribeModel", "DeleteModel"), "model/{ModelName}"),
}

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
    if call.operation not in _SAGEMAKER_RESOURCES:
        return [Need(action, "*")]
    resource = fill(_SAGEMAKER + _SAGEMAKER_RESOURCES[call.operation], call)
    if "transform-job" in resource:
        resource = resource.lower()  # SageMaker lower-cases the names of jobs in ARNs
    tags = tag_keys(tags_of(call))
    found = [Need(action, resource, {**_job_keys(call), **tags})]
    if tags:
        found.append(Need("sagemaker:AddTags", resource, tags))
    if call.operation == "CreateModel" and call.params.get("ExecutionRoleArn"):
        found.append(pass_role(str(call.params["ExecutionRoleArn"]), "sagemaker.amazonaws.com"))
    return found


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
        keys["sagemaker:modelarn"] = (fill(_SAGEMAKER + "model/{ModelName}", call),)
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


def logs(call: Call, _directory: Directory) -> Sequence[Need]:
    """CloudWatch Logs names a group in denials as `log-group:NAME:log-stream:STREAM`, the stream possibly empty."""
    params = call.params
    if params.get("resourceArn"):
        return [Need(f"logs:{call.operation}", str(params["resourceArn"]), tag_keys(tags_of(call)))]
    group = params.get("logGroupName") or params.get("logGroupNamePrefix") or ""
    stream = params.get("logStreamName") or ""
    identifier = str(params.get("logGroupIdentifier") or "")
    if identifier.startswith("arn:"):
        return [Need(f"logs:{call.operation}", identifier)]
    arn = f"arn:aws:logs:{call.region}:{call.principal.account_id}:log-group:{group or identifier}:log-stream:{stream}"
    return [Need(f"logs:{call.operation}", arn, tag_keys(tags_of(call)))]


def cloudwatch(call: Call, _directory: Directory) -> Sequence[Need]:
    namespace = call.params.get("Namespace")
    keys = {"cloudwatch:namespace": (str(namespace),)} if namespace else {}
    return [Need(f"cloudwatch:{call.operation}", "*", keys)]


def service_quotas(call: Call, _directory: Directory) -> Sequence[Need]:
    action = f"servicequotas:{call.operation}"
    if call.params.get("QuotaCode"):
        return [Need(action, fill("arn:aws:servicequotas:{region}:{account}:{ServiceCode}/{QuotaCode}", call))]
    return [Need(action, "*")]


def sts(call: Call, _directory: Directory) -> Sequence[Need]:
    """None: GetCallerIdentity needs no permission, and AssumeRole evaluates the role's trust policy itself."""
    return (
        []
        if call.operation in {"GetCallerIdentity", "GetSessionToken", "AssumeRole"}
        else [Need(f"sts:{call.operation}", fill("{RoleArn}", call))]
    )
