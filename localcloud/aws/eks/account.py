"""What EKS uses in its account: subnets and network interfaces in the VPC, and the roles of clusters and nodes.

A role is assumed under its trust policy. On AWS, a policy that the role lacks is noticed when a node needs it. So a node
group uses the permissions of its node, its network plug-in and its image pulls before it becomes active, and fails without
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from threading import RLock
from typing import Any

from localcloud.aws.ec2 import NODE_INTERFACE
from localcloud.aws.eks.store import invalid
from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.credentials import Principal
from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.permissions import EC2_SERVICE, EKS_SERVICE, Permission
from localcloud.aws.iam.sts import AssumeRoleRequest, Tokens, source_keys
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError

# Actions of the cloud controller, for each node that registers; AmazonEKSClusterPolicy allows them.
CLUSTER_ACTIONS = ("ec2:DescribeInstances",)
# Actions of a node that boots, its network plug-in and its image pulls; AmazonEKSWorkerNodePolicy, AmazonEKS_CNI_Policy
# and AmazonEC2ContainerRegistryPullOnly allow them.
NODE_ACTIONS = ("eks:DescribeCluster", "ec2:AssignPrivateIpAddresses", "ecr:GetAuthorizationToken", "ecr:BatchGetImage")
POD_ACTIONS = ("eks-auth:AssumeRoleForPodIdentity",)


def control_plane(role_arn: str, cluster_arn: str) -> AssumeRoleRequest:
    """Return the request with which EKS assumes the role of a cluster, on behalf of that cluster."""
    return AssumeRoleRequest(role_arn, "aws-go-sdk-eks", service=EKS_SERVICE, context=source_keys(cluster_arn))


def node(role_arn: str, nodegroup: str) -> AssumeRoleRequest:
    """Return the request with which EC2 assumes the role of a node; EC2 names no source."""
    return AssumeRoleRequest(role_arn, f"i-{nodegroup}"[:64], service=EC2_SERVICE)


class Roles:
    """Assumes roles and acts with them. Each decision about them is logged."""

    def __init__(self, tokens: Tokens, directory: Directory, authorizer: Authorizer) -> None:
        self._tokens = tokens
        self._directory = directory
        self._authorizer = authorizer

    def check(self, wanted: AssumeRoleRequest) -> Principal:
        """Assume a role.

        Raises:
            AwsError: the role does not exist, or does not trust the service.
        """
        try:
            return self._tokens.assume(wanted).principal
        except AccessDeniedError as error:
            raise _untrusted(wanted.role_arn, str(wanted.service)) from error

    def check_trusts(self, role_arn: str, service: str) -> None:
        """Check that a role's trust policy names a service; its conditions are evaluated when the role is used.

        Raises:
            AwsError: the role does not exist, or does not name the service.
        """
        role = self._directory.role(role_arn)
        named = [] if role is None else [statement.principals or {} for statement in role.trust.statements]
        if not any(service in principals.get("Service", ()) for principals in named):
            raise _untrusted(role_arn, service)

    def use(self, wanted: AssumeRoleRequest, actions: Sequence[str], resource: str) -> None:
        """Act as a role.

        Raises:
            AwsError: the role cannot be assumed.
            AccessDeniedError: its policies do not allow an action; the message names it.
        """
        principal = self.check(wanted)
        for action in actions:
            target = resource if action.startswith("eks") else "*"
            self._authorizer.require(principal, Permission(action, target), region=resource.split(":")[3])


def _untrusted(role_arn: str, service: str) -> AwsError:
    message = (
        f"Role with arn: {role_arn}, could not be assumed because it does not exist or the trusted entity is not "
        f"correct (it must trust {service})."
    )
    return AwsError("InvalidParameterException", message)


class Network:
    """The part of EC2's state that EKS reads and changes. moto keeps that state.

    Args:
        ec2: returns the state; moto loads it at the first call.
        lock: guards the state.
    """

    def __init__(self, ec2: Callable[[], Any], lock: RLock) -> None:
        self._ec2 = ec2
        self._lock = lock

    def vpc_of(self, subnet_ids: Sequence[str]) -> str:
        """Return the VPC to which the subnets of a cluster belong.

        Raises:
            AwsError: a subnet does not exist, or they do not fit a cluster.
        """
        subnets = self._subnets(subnet_ids)
        vpcs = {str(subnet.vpc_id) for subnet in subnets}
        if len(vpcs) > 1:
            raise invalid(f"Subnets provided belong to several VPCs: {', '.join(sorted(vpcs))}")
        if len({subnet.availability_zone for subnet in subnets}) < 2:
            raise invalid("Subnets specified must be in at least two different AZs")
        return vpcs.pop()

    def check_node_subnets(self, subnet_ids: Sequence[str], vpc_id: str) -> None:
        for subnet in self._subnets(subnet_ids):
            if subnet.vpc_id != vpc_id:
                raise invalid(f"Subnet {subnet.id} is not in the cluster's VPC {vpc_id}.")

    def create_cluster_network(self, cluster: str, vpc_id: str, subnet_ids: Iterable[str]) -> str:
        """Create the cluster security group, and network interfaces that keep the subnets in use while the cluster exists."""
        backend = self._ec2()
        with self._lock:
            suffix = hashlib.sha256(f"{cluster}/{vpc_id}".encode()).hexdigest()[:9]
            group = backend.create_security_group(
                f"eks-cluster-sg-{cluster}-{suffix}",
                "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
                "as well as any managed workloads.",
                vpc_id,
                tags={"Name": f"eks-cluster-sg-{cluster}-{suffix}", f"kubernetes.io/cluster/{cluster}": "owned"},
            )
            try:
                for subnet_id in subnet_ids:
                    subnet, description = backend.get_subnet(subnet_id), f"Amazon EKS {cluster}"
                    backend.create_network_interface(subnet, None, group_ids=[group.id], description=description)
            except Exception:
                self.delete_cluster_network(cluster, str(group.id))
                raise
        return str(group.id)

    def create_node_interface(self, cluster: str, nodegroup: str, subnet_id: str) -> None:
        """Create the network interface by which a node uses its subnet and a public address."""
        backend = self._ec2()
        with self._lock:
            backend.create_network_interface(
                backend.get_subnet(subnet_id), None, description=f"{NODE_INTERFACE}{cluster}/{nodegroup}"
            )

    def delete_node_interface(self, cluster: str, nodegroup: str) -> None:
        self._delete_interfaces(f"{NODE_INTERFACE}{cluster}/{nodegroup}")

    def delete_cluster_network(self, cluster: str, security_group_id: str) -> None:
        self._delete_interfaces(f"Amazon EKS {cluster}")
        backend = self._ec2()
        with self._lock:
            if backend.get_security_group_from_id(security_group_id) is not None:
                backend.delete_security_group(group_id=security_group_id)

    def _delete_interfaces(self, description: str) -> None:
        backend = self._ec2()
        with self._lock:
            for identifier in [key for key, row in backend.enis.items() if row.description == description]:
                del backend.enis[identifier]

    def _subnets(self, subnet_ids: Sequence[str]) -> list[Any]:
        backend = self._ec2()
        found: list[Any] = []
        with self._lock:
            known = {subnet.id: subnet for zone in backend.subnets.values() for subnet in zone.values()}
            for subnet_id in subnet_ids:
                if subnet_id not in known:
                    raise invalid(f"The subnet ID '{subnet_id}' does not exist")
                found.append(known[subnet_id])
        return found
