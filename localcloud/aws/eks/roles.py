"""The roles that EKS is given: assumed under their trust policies, and used as the cluster and the nodes use them.

A missing managed policy shows only when it is needed. So a node group checks the permissions of its node, its network
plug-in and its image pulls before it becomes active, and fails without them, as on AWS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.credentials import Principal
from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.needs.model import Need
from localcloud.aws.iam.sts import Assumption, Tokens
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError

CLUSTER_SERVICE = "eks.amazonaws.com"
NODE_SERVICE = "ec2.amazonaws.com"
POD_SERVICE = "pods.eks.amazonaws.com"
# The cloud controller, for each node that registers; on AWS by AmazonEKSClusterPolicy.
CLUSTER_NEEDS = ("ec2:DescribeInstances",)
# The node that boots, its network plug-in and its image pulls; on AWS by AmazonEKSWorkerNodePolicy,
# AmazonEKS_CNI_Policy and AmazonEC2ContainerRegistryPullOnly.
NODE_NEEDS = ("eks:DescribeCluster", "ec2:AssignPrivateIpAddresses", "ecr:GetAuthorizationToken", "ecr:BatchGetImage")
POD_NEEDS = ("eks-auth:AssumeRoleForPodIdentity",)


@dataclass(frozen=True)
class User:
    """Who uses a role: a service, on behalf of a resource where it names one, in a session."""

    service: str
    session_name: str
    context: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def control_plane(cluster_arn: str) -> User:
    """EKS, on behalf of one cluster."""
    context = {"aws:sourcearn": (cluster_arn,), "aws:sourceaccount": (cluster_arn.split(":")[4],)}
    return User(CLUSTER_SERVICE, "aws-go-sdk-eks", context)


def node(nodegroup: str) -> User:
    """EC2, which names no source."""
    return User(NODE_SERVICE, f"i-{nodegroup}"[:64])


class Roles:
    """Assumes roles and uses them; every decision is logged."""

    def __init__(self, tokens: Tokens, directory: Directory, authorizer: Authorizer) -> None:
        self._tokens = tokens
        self._directory = directory
        self._authorizer = authorizer

    def check(self, role_arn: str, user: User) -> Principal:
        """Assume a role.

        Raises:
            AwsError: the role does not exist, or does not trust the service.
        """
        wanted = Assumption(role_arn, user.session_name, service=user.service, context=user.context)
        try:
            return self._tokens.assume(wanted).principal
        except AccessDeniedError as error:
            raise _untrusted(role_arn, user.service) from error

    def check_trusts(self, role_arn: str, service: str) -> None:
        """Check that a role's trust policy names a service; its conditions are evaluated when the role is used.

        Raises:
            AwsError: the role does not exist, or does not name the service.
        """
        role = self._directory.role(role_arn)
        named = [] if role is None else [statement.principals or {} for statement in role.trust.statements]
        if not any(service in principals.get("Service", ()) for principals in named):
            raise _untrusted(role_arn, service)

    def use(self, role_arn: str, user: User, actions: Sequence[str], resource: str) -> None:
        """Act as a role.

        Raises:
            AwsError: the role cannot be assumed.
            AccessDeniedError: its policies do not allow an action; the message names it.
        """
        principal = self.check(role_arn, user)
        for action in actions:
            target = resource if action.startswith("eks") else "*"
            self._authorizer.require(principal, Need(action, target), region=resource.split(":")[3])


def _untrusted(role_arn: str, service: str) -> AwsError:
    message = (
        f"Role with arn: {role_arn}, could not be assumed because it does not exist or the trusted entity is not "
        f"correct (it must trust {service})."
    )
    return AwsError("InvalidParameterException", message)
