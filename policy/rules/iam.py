"""The rules for roles: no policy allows everything, only known sources are trusted, EKS alone has managed policies."""

import json
from collections.abc import Iterator, Sequence

from .resource import Properties, Resource, Rule, each, of_type, statements, texts

_ROLE = "aws:iam/role:Role"
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_INLINE = "aws:iam/rolePolicy:RolePolicy"
_MANAGED = "aws:iam/policy:Policy"

# EKS requires these of its own roles; nothing narrower works.
ALLOWED_MANAGED = frozenset(
    {
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKSWorkerNodeMinimalPolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    }
)
# Actions without resource-level permissions, which need the resource `*` (AWS service authorization reference).
WITHOUT_RESOURCE = frozenset(
    {
        *("cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"),
        *("ec2:DescribeAvailabilityZones", "ec2:DescribeVpcs", "ec2:DescribeSubnets"),
        *("eks:DescribeAddonVersions", "eks:DescribeClusterVersions", "eks:ListClusters"),
        *("servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas"),
    }
)
# EC2 names no source when it assumes an instance's role, so that no condition is possible. EKS documents none for
# capabilities.
WITHOUT_SOURCE = frozenset({"ec2.amazonaws.com", "capabilities.eks.amazonaws.com"})


# The deployer's policies are below this path. They have wildcards, such as ec2:Describe*, because a deployer reads many
# kinds of things and a managed policy is short; tests show that each of their statements is needed.
DELIVERY_PATH = "/delivery/"


def _narrow(policy: Properties) -> str | None:
    return None if policy.get("path") == DELIVERY_PATH else _narrow_document(policy.get("policy"))


def _narrow_inside(role: Properties) -> str | None:
    documents = [policy.get("policy") for policy in role.get("inlinePolicies") or []]
    return next((wrong for wrong in map(_narrow_document, documents) if wrong), None)


def _narrow_document(document: object) -> str | None:
    for statement in statements(document):
        actions, resources = texts(statement.get("Action")), texts(statement.get("Resource"))
        if statement["Effect"] != "Allow":
            continue
        if "NotAction" in statement or "NotResource" in statement:
            return f"statement {statement.get('Sid')} allows everything except some actions or resources"
        if wide := [action for action in actions if "*" in action]:
            return f"statement {statement.get('Sid')} allows {', '.join(wide)}"
        if any(_everything(resource) for resource in resources) and not set(actions) <= WITHOUT_RESOURCE:
            return f"statement {statement.get('Sid')} allows {', '.join(actions)} on everything"
    return None


def _everything(resource: str) -> bool:
    return resource == "*" or (resource.startswith("arn:") and resource.split(":", 5)[-1] == "*")


def _trusts_known_services(role: Properties) -> str | None:
    for statement in statements(role.get("assumeRolePolicy")):
        principal = statement.get("Principal")
        if principal == "*" or not isinstance(principal, dict) or "*" in texts(principal.get("AWS")):
            return "may be assumed by anybody"
        if named := texts(principal.get("AWS")):
            return f"trusts {', '.join(named)}: only services may assume the roles of a stack"
        services = set(texts(principal.get("Service")))
        confined = services <= WITHOUT_SOURCE or "aws:SourceAccount" in json.dumps(statement.get("Condition"))
        if services and not confined:
            return f"trusts {', '.join(sorted(services))} on behalf of any account: add aws:SourceAccount"
    return None


def _known_attachments(stack: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for resource, policy_arn in _attached(stack):
        _, managed, name = policy_arn.partition(":iam::aws:policy/")
        if managed and name.rpartition("/")[2] not in ALLOWED_MANAGED:
            yield resource, f"attaches {name}, which AWS manages and may extend"


def _attached(stack: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for attachment in of_type(stack, _ATTACHMENT):
        yield attachment, str(attachment.properties.get("policyArn"))
    for role in of_type(stack, _ROLE):
        yield from ((role, arn) for arn in texts(role.properties.get("managedPolicyArns")))


_NARROW_CONTROLS = (
    *("IAM.1", "IAM.21", "CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_286", "CKV_AWS_287", "CKV_AWS_288"),
    *("CKV_AWS_289", "CKV_AWS_290", "CKV_AWS_355", "AwsSolutions-IAM5"),
)

RULES = (
    Rule("iam-inline-policies-narrow", _NARROW_CONTROLS, "No inline policy allows everything.", each(_INLINE, _narrow)),
    Rule(
        "iam-role-policies-narrow", _NARROW_CONTROLS, "No role allows everything inside.", each(_ROLE, _narrow_inside)
    ),
    Rule("iam-own-policies-narrow", _NARROW_CONTROLS, "No policy of ours allows everything.", each(_MANAGED, _narrow)),
    Rule(
        "iam-trust-known-sources",
        ("CKV_AWS_60", "CKV_AWS_61", "IAM.confused-deputy"),
        "Only named services may assume a role, on behalf of this account only.",
        each(_ROLE, _trusts_known_services),
    ),
    Rule(
        "iam-managed-policies-known",
        ("AwsSolutions-IAM4", "CKV_AWS_274"),
        "The only managed policies of AWS that are attached are those that EKS requires.",
        _known_attachments,
    ),
)
