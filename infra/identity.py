"""Identities: the roles of the cluster, its node, the operator and the jobs, each with what it needs and no more.

Roles have fixed names under the stack's prefix, so that a deployer can be allowed exactly them. A role is ready
when its permissions are attached: users of a role depend on `ready`, which also keeps the permissions until the
last user is gone.

A change in IAM takes seconds until it is effective everywhere. A job that starts in the same `up` that changed its rights
would end in AccessDenied, and a model could not read its archive. So a changed role or policy counts as created only
after a delay. The delay is a hook of the resources themselves, so that an `up` that changes no rights does not wait.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.account import Account
from infra.policies import Scope, Statement
from infra.settings import Settings
from infra.storage import Storage


@dataclass(frozen=True)
class IdentityArgs:
    scope: pulumi.Output[Scope]
    bucket_name: pulumi.Output[str]
    cluster_name: str
    operator_namespace: str
    operator_service_account: str
    has_nodes: bool
    """Whether the operator is a pod on a node of ours, and not a capability of EKS."""
    transform_instance_types: Sequence[str]
    input_buckets: Sequence[str] = ()
    output_buckets: Sequence[str] = ()
    kms_keys: Sequence[str] = ()
    private_images: Sequence[str] = ()
    permissions_boundary: str = ""
    """ARN of a policy that limits every role; empty for none."""
    delay_seconds: int = 0
    """How long to wait after a change of rights before they are used."""

    @classmethod
    def of(
        cls, settings: Settings, account: Account, storage: Storage, private_images: Sequence[str] = ()
    ) -> "IdentityArgs":
        return cls(
            scope=account.scope,
            bucket_name=storage.bucket_name,
            cluster_name=settings.cluster_name,
            operator_namespace=settings.operator_namespace,
            operator_service_account=settings.operator_service_account,
            has_nodes=settings.has_nodes,
            transform_instance_types=settings.allowed_transform_instance_types,
            input_buckets=settings.input_buckets,
            output_buckets=settings.output_buckets,
            kms_keys=settings.kms_keys,
            private_images=private_images,
            permissions_boundary=settings.permissions_boundary,
            delay_seconds=settings.iam_delay_seconds,
        )


@dataclass(frozen=True)
class Identified:
    """A role, and the resources that make it usable."""

    role: aws.iam.Role
    ready: list[pulumi.Resource]

    @property
    def arn(self) -> pulumi.Output[str]:
        return self.role.arn


class Identity(pulumi.ComponentResource):
    """The roles of a stack: four, or three where no node needs one."""

    cluster: Identified
    node: Identified | None
    operator: Identified
    execution: Identified

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Identity", name, None, opts)
        self._name = name
        self._scope = args.scope
        self._boundary = args.permissions_boundary
        self._seen = _delay(self._name, args.delay_seconds)
        self.cluster = self._cluster(args)
        self.node = self._node() if args.has_nodes else None
        self.operator = self._operator(args)
        self.execution = self._execution(args)
        self.register_outputs(
            {"execution_role_arn": self.execution.arn, "operator_role_arn": self.operator.arn},
        )

    def _cluster(self, args: IdentityArgs) -> Identified:
        trust = self._scope.apply(lambda scope: policies.document(policies.cluster_trust(scope, args.cluster_name)))
        role = self._role("cluster", trust, "EKS acts with it for the control plane")
        return self._with_managed_policies("cluster", role, ["AmazonEKSClusterPolicy"])

    def _node(self) -> Identified:
        role = self._role("node", policies.document(policies.node_trust()), "the kubelet of each node acts with it")
        names = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"]
        return self._with_managed_policies("node", role, names)

    def _operator(self, args: IdentityArgs) -> Identified:
        subject = (args.cluster_name, args.operator_namespace, args.operator_service_account)
        through = "EKS Pod Identity" if args.has_nodes else "a capability of EKS"
        trust = self._scope.apply(
            lambda scope: policies.document(
                policies.pod_trust(scope, *subject) if args.has_nodes else policies.capability_trust()
            )
        )
        role = self._role("operator", trust, f"the SageMaker operator acts with it, through {through}")
        statements = self._scope.apply(
            lambda scope: policies.operator(scope, args.transform_instance_types, args.kms_keys)
        )
        return self._with_statements("operator", role, statements)

    def _execution(self, args: IdentityArgs) -> Identified:
        trust = self._scope.apply(lambda scope: policies.document(policies.execution_trust(scope)))
        role = self._role("execution", trust, "SageMaker acts with it for models and jobs")
        statements = pulumi.Output.all(self._scope, args.bucket_name).apply(
            lambda found: policies.execution(found[0], _data(args, found[1]))
        )
        return self._with_statements("execution", role, statements)

    def _role(self, part: str, trust: pulumi.Input[str], description: str) -> aws.iam.Role:
        return aws.iam.Role(
            f"{self._name}-{part}",
            name=f"{self._name}-{part}",
            assume_role_policy=trust,
            description=f"{self._name}: {description}",
            permissions_boundary=self._boundary or None,
            tags={"Name": f"{self._name}-{part}"},
            # Its policy, made right after it, waits on its creation.
            opts=pulumi.ResourceOptions(parent=self, hooks=_after(update=self._seen)),
        )

    def _with_managed_policies(self, part: str, role: aws.iam.Role, names: Sequence[str]) -> Identified:
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-{part}-{policy}",
                role=role.name,
                policy_arn=self._scope.apply(lambda scope, policy=policy: scope.managed_policy(policy)),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for policy in names
        ]
        return Identified(role, [role, *attachments])

    def _with_statements(self, part: str, role: aws.iam.Role, statements: pulumi.Output[list[Statement]]) -> Identified:
        policy = aws.iam.RolePolicy(
            f"{self._name}-{part}",
            name=f"{self._name}-{part}",
            role=role.name,
            policy=statements.apply(lambda found: policies.document(*found)),
            opts=pulumi.ResourceOptions(parent=self, hooks=_after(create=self._seen, update=self._seen)),
        )
        return Identified(role, [role, policy])


def _delay(name: str, seconds: int) -> pulumi.ResourceHook | None:
    async def wait(_: pulumi.ResourceHookArgs) -> None:
        await asyncio.sleep(seconds)

    return pulumi.ResourceHook(f"{name}-rights-are-seen", wait) if seconds else None


def _after(
    *, create: pulumi.ResourceHook | None = None, update: pulumi.ResourceHook | None = None
) -> pulumi.ResourceHookBinding | None:
    if update is None:
        return None
    return pulumi.ResourceHookBinding(after_create=[create] if create else None, after_update=[update])


def _data(args: IdentityArgs, bucket: str) -> policies.Data:
    return policies.Data(bucket, args.input_buckets, args.output_buckets, args.kms_keys, args.private_images)
