"""The cluster: EKS with one small managed node group, and Pod Identity for the operator.

With `operatorInstall: capability` the operator is EKS's own and runs at AWS: then there is a control plane and nothing else.

The order is what makes this robust, so each step depends on the one before even if it needs none of its values. Up: roles
and routes, cluster, Pod Identity agent and association, node group, then what runs on it. An association takes seconds to
become effective, and a pod gets credentials only when it is created; the node group takes minutes in between. Destroy
goes the other way.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes

from infra import versions
from infra.account import Account
from infra.identity import Identified, Identity
from infra.network import Network
from infra.policies import Scope
from infra.settings import Settings


@dataclass(frozen=True)
class ClusterArgs:
    name: str
    scope: pulumi.Output[Scope]
    kubernetes_version: str
    allowed_cidrs: Sequence[str]
    admin_principals: Sequence[str]
    vpc_id: pulumi.Output[str]
    subnet_ids: Sequence[pulumi.Output[str]]
    public_subnets: bool
    """Whether the subnets are known to be public; EKS itself finds out about existing subnets."""
    routes: Sequence[pulumi.Resource]
    cluster_role: Identified
    node_role: Identified | None
    """None where there are no nodes."""
    node_instance_type: str
    operator_role: Identified
    operator_namespace: str
    operator_service_account: str

    @classmethod
    def of(
        cls, settings: Settings, kubernetes_version: str, account: Account, network: Network, identity: Identity
    ) -> "ClusterArgs":
        return cls(
            name=settings.cluster_name,
            scope=account.scope,
            kubernetes_version=kubernetes_version,
            allowed_cidrs=settings.allowed_cidrs,
            admin_principals=settings.admin_principals,
            vpc_id=network.vpc_id,
            subnet_ids=network.subnet_ids,
            public_subnets=not settings.existing_subnet_ids,
            routes=network.routes,
            cluster_role=identity.cluster,
            node_role=identity.node,
            node_instance_type=settings.node_instance_type,
            operator_role=identity.operator,
            operator_namespace=settings.operator_namespace,
            operator_service_account=settings.operator_service_account,
        )


class Cluster(pulumi.ComponentResource):
    """An EKS cluster, ready for the operator."""

    cluster_name: str
    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider
    ready: list[pulumi.Resource]
    """What must exist while the operator works: its identity, and its node if the stack has one."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Cluster", name, None, opts)
        self._name = name
        self.cluster_name = args.name
        cluster = self._control_plane(args)
        place = [cluster] if args.node_role is None else self._place_for_pods(args, args.node_role, cluster)
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig_json)
        self.ready = [*place, *args.operator_role.ready]
        self.provider = self._kubernetes()
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _control_plane(self, args: ClusterArgs) -> eks.Cluster:
        subnet_ids = list(args.subnet_ids)
        return eks.Cluster(
            self._name,
            name=self.cluster_name,  # fixed: Pod Identity, roles and access entries name it
            version=args.kubernetes_version,
            upgrade_policy={"support_type": "STANDARD"},  # the default, EXTENDED, may come to cost six times as much
            service_role=args.cluster_role.role,
            vpc_id=args.vpc_id,
            public_subnet_ids=subnet_ids if args.public_subnets else None,
            subnet_ids=None if args.public_subnets else subnet_ids,
            endpoint_public_access=True,  # set explicitly: only then does the component wait until the endpoint answers
            endpoint_private_access=True,
            public_access_cidrs=list(args.allowed_cidrs),
            authentication_mode=eks.AuthenticationMode.API,
            access_entries=self._admins(args),
            skip_default_node_group=True,
            skip_default_security_groups=True,  # the group that EKS creates does not block destroy
            create_oidc_provider=False,
            deletion_protection=False,
            tags={"Name": self.cluster_name},
            opts=self._after([*args.cluster_role.ready, *args.routes]),
            **_without_nodes() if args.node_role is None else _pinned(args.kubernetes_version),
        )

    def _place_for_pods(self, args: ClusterArgs, node_role: Identified, cluster: eks.Cluster) -> list[pulumi.Resource]:
        pod_identity = self._pod_identity(args, cluster)
        return [*pod_identity, self._nodes(args, node_role, cluster, after=pod_identity)]

    def _admins(self, args: ClusterArgs) -> dict[str, eks.AccessEntryArgs]:
        """Give access to further administrators; EKS adds the cluster's creator by itself and refuses a second entry."""
        policy = args.scope.apply(
            lambda scope: f"arn:{scope.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
        )
        admin = eks.AccessPolicyAssociationArgs(
            policy_arn=policy, access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
        )
        return {
            _entry_name(principal): eks.AccessEntryArgs(principal_arn=principal, access_policies={"admin": admin})
            for principal in args.admin_principals
        }

    def _pod_identity(self, args: ClusterArgs, cluster: eks.Cluster) -> list[pulumi.Resource]:
        agent = aws.eks.Addon(
            f"{self._name}-pod-identity-agent",
            cluster_name=self.cluster_name,
            addon_name="eks-pod-identity-agent",
            tags={"Name": f"{self._name}-pod-identity-agent"},
            opts=self._after([cluster]),
        )
        association = aws.eks.PodIdentityAssociation(
            f"{self._name}-operator",
            cluster_name=self.cluster_name,
            namespace=args.operator_namespace,
            service_account=args.operator_service_account,
            role_arn=args.operator_role.arn,
            tags={"Name": f"{self._name}-operator"},
            opts=self._after([cluster, *args.operator_role.ready]),
        )
        return [agent, association]

    def _nodes(
        self, args: ClusterArgs, node_role: Identified, cluster: eks.Cluster, after: list[pulumi.Resource]
    ) -> eks.ManagedNodeGroup:
        return eks.ManagedNodeGroup(
            f"{self._name}-nodes",
            cluster=cluster,
            node_group_name=f"{self._name}-nodes",
            node_role_arn=node_role.arn,
            subnet_ids=list(args.subnet_ids),
            instance_types=[args.node_instance_type],
            ami_type="AL2023_x86_64_STANDARD",
            disk_size=20,
            scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1},
            tags={"Name": f"{self._name}-nodes"},
            opts=self._after([*after, *node_role.ready, *args.routes]),
        )

    def _kubernetes(self) -> kubernetes.Provider:
        return kubernetes.Provider(
            self._name,
            kubeconfig=self.kubeconfig,
            cluster_identifier=self.cluster_name,  # a new kubeconfig must not replace every object
            upsert_existing_objects=True,  # a job that an interrupted run left in the cluster is taken over
            opts=self._after(self.ready),
        )

    def _after(self, resources: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(resources))


def _pinned(kubernetes_version: str) -> dict[str, Any]:
    """Pin the versions of the two add-ons whose newest version would otherwise be looked up at each run."""
    pinned = versions.addons(kubernetes_version)
    return {
        "kube_proxy_addon_options": eks.KubeProxyAddonOptionsArgs(version=pinned["kube-proxy"]),
        "vpc_cni_options": eks.VpcCniOptionsArgs(addon_version=pinned["vpc-cni"]),
    }


def _without_nodes() -> dict[str, Any]:
    """Leave out what would run on nodes: add-ons of EKS, and those that a new cluster brings along."""
    return {
        "bootstrap_self_managed_addons": False,
        "kube_proxy_addon_options": eks.KubeProxyAddonOptionsArgs(enabled=False),
        "use_default_vpc_cni": True,  # that is to say: no add-on for it
    }


def _entry_name(principal: str) -> str:
    """Name an access entry after its principal: names by position would collide when an earlier entry is removed."""
    return f"admin-{hashlib.sha256(principal.encode()).hexdigest()[:8]}"
