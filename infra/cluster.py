"""The cluster: EKS with one small managed node group, and Pod Identity for the operator.

With `operatorInstall: capability` the operator is EKS's own and runs at AWS: the cluster is then a control plane only.

Kubernetes and two add-ons have the versions of `eks_versions.json`; otherwise pulumi-eks would look up the newest add-ons
at each run. To use another version of Kubernetes, add a line there.

Each step depends on the one before, even if it needs none of its values, because the order matters. `up` creates roles and
routes, the cluster, the Pod Identity agent and association, the node group, then the pods on it. An association takes
seconds to become effective, and a pod gets credentials only when it is created; the node group takes minutes in between.
Destroy goes the other way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes

from infra.account import Account
from infra.identity import Identity, UsableRole
from infra.network import Network
from infra.policies import Scope
from infra.problems import aws_message
from infra.settings import EKS_VERSIONS, Settings


@dataclass(frozen=True)
class ClusterArgs:
    """Arguments of a cluster.

    Attributes:
        cluster_name: the cluster's name at EKS.
        scope: of the ARN of the administrators' access policy.
        kubernetes_version: the control plane's, such as 1.35.
        allowed_cidrs: the IPv4 ranges that may reach the public endpoint.
        vpc_id: the VPC of the cluster.
        subnet_ids: subnets in two zones at least.
        cluster_role: the control plane's.
        operator_role: the operator's, which its pod gets from Pod Identity.
        operator_namespace: the namespace of the operator's pod.
        operator_service_account: the service account of the operator's pod.
        node_instance_type: the EC2 instance type of the node.
        node_role: the node's; None for a control plane without nodes and without Pod Identity.
        subnets_are_public: whether that is known; EKS itself finds out about existing subnets.
        routes: the resources that must exist before a node boots, and until the last node is gone.
        admin_principals: ARNs of administrators besides the cluster's creator.
    """

    cluster_name: str
    scope: pulumi.Output[Scope]
    kubernetes_version: str
    allowed_cidrs: Sequence[str]
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    cluster_role: UsableRole
    operator_role: UsableRole
    operator_namespace: str
    operator_service_account: str
    node_instance_type: str
    node_role: UsableRole | None
    subnets_are_public: bool = True
    routes: Sequence[pulumi.Resource] = ()
    admin_principals: Sequence[str] = ()

    @classmethod
    def of(
        cls, settings: Settings, kubernetes_version: str, account: Account, network: Network, identity: Identity
    ) -> "ClusterArgs":
        return cls(
            cluster_name=settings.cluster_name,
            scope=account.scope,
            kubernetes_version=kubernetes_version,
            allowed_cidrs=settings.allowed_cidrs,
            vpc_id=network.vpc_id,
            subnet_ids=network.subnet_ids,
            cluster_role=identity.cluster,
            operator_role=identity.operator,
            operator_namespace=settings.operator_namespace,
            operator_service_account=settings.operator_service_account,
            node_instance_type=settings.node_instance_type,
            node_role=identity.node,
            subnets_are_public=not settings.existing_subnet_ids,
            routes=network.routes,
            admin_principals=settings.admin_principals,
        )


class Cluster(pulumi.ComponentResource):
    """An EKS cluster, ready for the operator."""

    cluster_name: str
    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider
    ready: list[pulumi.Resource]
    """The resources that must exist while the operator works: its identity, and its node if the stack has one."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Cluster", name, None, opts)
        self._name, self._args = name, args
        self.cluster_name = args.cluster_name
        cluster = self._control_plane()
        place: list[pulumi.Resource] = [cluster]
        if args.node_role is not None:
            place = self._pod_identity(cluster)
            place.append(self._nodes(args.node_role, cluster, after=list(place)))
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig_json)
        self.ready = [*place, *args.operator_role.ready]
        self.provider = self._kubernetes()
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _control_plane(self) -> eks.Cluster:
        args, role = self._args, self._args.cluster_role
        subnet_ids = list(args.subnet_ids)
        return eks.Cluster(
            self._name,
            name=self.cluster_name,  # fixed: Pod Identity, roles and access entries name it
            version=args.kubernetes_version,
            upgrade_policy={"support_type": "STANDARD"},  # the default, EXTENDED, may come to cost six times as much
            service_role=role.role,
            vpc_id=args.vpc_id,
            public_subnet_ids=subnet_ids if args.subnets_are_public else None,
            subnet_ids=None if args.subnets_are_public else subnet_ids,
            endpoint_public_access=True,  # set explicitly: only then does the component wait until the endpoint answers
            endpoint_private_access=True,
            public_access_cidrs=list(args.allowed_cidrs),
            authentication_mode=eks.AuthenticationMode.API,
            access_entries=self._admins(),
            skip_default_node_group=True,
            skip_default_security_groups=True,  # the group that EKS creates does not block destroy
            create_oidc_provider=False,
            deletion_protection=False,
            tags={"Name": self.cluster_name},
            opts=self._after([*role.ready, *args.routes]),
            **_pinned(args.kubernetes_version) if args.node_role else _without_nodes(),
        )

    def _admins(self) -> dict[str, eks.AccessEntryArgs]:
        """Give access to further administrators; EKS adds the cluster's creator by itself and refuses a second entry."""
        policy = self._args.scope.apply(
            lambda scope: f"arn:{scope.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
        )
        admin = eks.AccessPolicyAssociationArgs(
            policy_arn=policy, access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
        )
        return {
            _entry_name(principal): eks.AccessEntryArgs(principal_arn=principal, access_policies={"admin": admin})
            for principal in self._args.admin_principals
        }

    def _pod_identity(self, cluster: eks.Cluster) -> list[pulumi.Resource]:
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
            namespace=self._args.operator_namespace,
            service_account=self._args.operator_service_account,
            role_arn=self._args.operator_role.arn,
            tags={"Name": f"{self._name}-operator"},
            opts=self._after([cluster, *self._args.operator_role.ready]),
        )
        return [agent, association]

    def _nodes(self, node_role: UsableRole, cluster: eks.Cluster, after: list[pulumi.Resource]) -> eks.ManagedNodeGroup:
        return eks.ManagedNodeGroup(
            f"{self._name}-nodes",
            cluster=cluster,
            node_group_name=f"{self._name}-nodes",
            node_role_arn=node_role.arn,
            subnet_ids=list(self._args.subnet_ids),
            instance_types=[self._args.node_instance_type],
            ami_type="AL2023_x86_64_STANDARD",
            disk_size=20,
            scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1},
            tags={"Name": f"{self._name}-nodes"},
            opts=self._after([*after, *node_role.ready, *self._args.routes]),
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
    pinned = addons(kubernetes_version)
    return {
        "kube_proxy_addon_options": eks.KubeProxyAddonOptionsArgs(version=pinned["kube-proxy"]),
        "vpc_cni_options": eks.VpcCniOptionsArgs(addon_version=pinned["vpc-cni"]),
    }


def _without_nodes() -> dict[str, Any]:
    """Leave out the add-ons that would run on nodes, also those that a new cluster has by default."""
    return {
        "bootstrap_self_managed_addons": False,
        "kube_proxy_addon_options": eks.KubeProxyAddonOptionsArgs(enabled=False),
        "use_default_vpc_cni": True,  # that is to say: no add-on for it
    }


def _entry_name(principal: str) -> str:
    """Name an access entry after its principal: names by position would collide when an earlier entry is removed."""
    return f"admin-{hashlib.sha256(principal.encode()).hexdigest()[:8]}"


def version_of(wanted: str, cluster_name: str, opts: pulumi.InvokeOptions) -> str:
    """Return the Kubernetes version for the cluster: the wanted one, or a newer one that it has already.

    At the end of standard support EKS upgrades a cluster by itself, and never takes one back.

    Raises:
        pulumi.RunError: EKS cannot be asked.
    """
    current = _current_version(cluster_name, opts)
    if current is None or version_order(current) <= version_order(wanted):
        return wanted
    pulumi.log.warn(
        f"the cluster {cluster_name} has Kubernetes {current}, the setting kubernetesVersion is {wanted}: EKS upgraded it "
        f"at the end of standard support. It keeps that version; to say so in the settings: "
        f"pulumi config set kubernetesVersion {current} --stack {pulumi.get_stack()}"
    )
    return current


def addons(version: str) -> Mapping[str, str]:
    """Return the add-ons' versions for a Kubernetes version, or for the nearest older one if the table lacks it."""
    older = [known for known in EKS_VERSIONS if version_order(known) <= version_order(version)]
    return EKS_VERSIONS[max(older, key=version_order)]


def _current_version(cluster_name: str, opts: pulumi.InvokeOptions) -> str | None:
    try:
        if cluster_name not in aws.eks.get_clusters(opts=opts).names:
            return None
        return aws.eks.get_cluster(name=cluster_name, opts=opts).version
    except Exception as error:
        # An invoke raises plain exceptions; whatever the reason, the version of the existing cluster is not known.
        raise pulumi.RunError(
            f"the version of the cluster {cluster_name} cannot be read from EKS: {aws_message(error)}."
        ) from error


def version_order(version: str) -> tuple[int, ...]:
    """Return a version in a form that compares as versions do."""
    return tuple(int(part) for part in version.split("."))
