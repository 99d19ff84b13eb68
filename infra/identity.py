"""Identities: the roles of the cluster, its node, the operator and the jobs, each with only the permissions that it needs.

Roles have fixed names under the stack's prefix, so that a deployer can be allowed exactly them. A role is ready
when its permissions are attached: users of a role depend on `ready`, which also keeps the permissions until the
last user is gone.

A change in IAM takes seconds until it is effective everywhere. A job that starts in the same `up` that changed its permissions
would end in AccessDenied, and a model could not read its archive. So a changed role or policy counts as created only
after a delay. The delay is a hook of the resources themselves, so that an `up` that changes no permissions does not wait.
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
    """Arguments of the roles of a stack.

    Attributes:
        scope: of the ARNs in policies and trust.
        bucket_name: the bucket of models, inputs and results.
        cluster_name: the cluster of the control plane and the operator.
        operator_namespace: the namespace of the operator's pod.
        operator_service_account: the service account of the operator's pod.
        transform_instance_types: the instance types on which the operator may start jobs.
        has_nodes: whether the operator is a pod on a node of the stack, and not a capability of EKS.
        input_buckets: further buckets that jobs read.
        output_buckets: further buckets that jobs write.
        kms_keys: ARNs of the keys of those buckets and of jobs' volumes.
        private_images: ECR URIs of the images that models use, without SageMaker's own.
        permissions_boundary: the ARN of a policy that limits each role; empty for none.
        delay_seconds: how long a change of permissions takes until it is effective.
    """

    scope: pulumi.Output[Scope]
    bucket_name: pulumi.Input[str]
    cluster_name: str
    operator_namespace: str
    operator_service_account: str
    transform_instance_types: Sequence[str]
    has_nodes: bool = True
    input_buckets: Sequence[str] = ()
    output_buckets: Sequence[str] = ()
    kms_keys: Sequence[str] = ()
    private_images: Sequence[str] = ()
    permissions_boundary: str = ""
    delay_seconds: int = 0

    @classmethod
    def of(
        cls, settings: Settings, account: Account, storage: Storage, private_images: Sequence[str]
    ) -> "IdentityArgs":
        return cls(
            scope=account.scope,
            bucket_name=storage.bucket_name,
            cluster_name=settings.cluster_name,
            operator_namespace=settings.operator_namespace,
            operator_service_account=settings.operator_service_account,
            transform_instance_types=settings.allowed_transform_instance_types,
            has_nodes=settings.has_nodes,
            input_buckets=settings.input_buckets,
            output_buckets=settings.output_buckets,
            kms_keys=settings.kms_keys,
            private_images=private_images,
            permissions_boundary=settings.permissions_boundary,
            delay_seconds=settings.iam_delay_seconds,
        )


@dataclass(frozen=True)
class UsableRole:
    """A role, and the resources that its users depend on: the role itself and its policies."""

    role: aws.iam.Role
    ready: list[pulumi.Resource]

    @property
    def arn(self) -> pulumi.Output[str]:
        return self.role.arn


class Identity(pulumi.ComponentResource):
    """The roles of a stack: four, or three without nodes."""

    cluster: UsableRole
    node: UsableRole | None
    operator: UsableRole
    execution: UsableRole

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Identity", name, None, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self._seen = _delay(name, args.delay_seconds)
        self.cluster = self._cluster()
        self.node = self._node() if args.has_nodes else None
        self.operator = self._operator()
        self.execution = self._execution()
        self.register_outputs(
            {"execution_role_arn": self.execution.arn, "operator_role_arn": self.operator.arn},
        )

    def _cluster(self) -> UsableRole:
        name = self._args.cluster_name
        trust = self._scope.apply(lambda scope: policies.document(policies.cluster_trust(scope, name)))
        role = self._role("cluster", trust, "EKS acts with it for the control plane")
        return self._with_managed_policies("cluster", role, ["AmazonEKSClusterPolicy"])

    def _node(self) -> UsableRole:
        role = self._role("node", policies.document(policies.node_trust()), "the kubelet of each node acts with it")
        names = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"]
        return self._with_managed_policies("node", role, names)

    def _operator(self) -> UsableRole:
        args = self._args
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

    def _execution(self) -> UsableRole:
        args = self._args
        others = (args.input_buckets, args.output_buckets, args.kms_keys, args.private_images)
        trust = self._scope.apply(lambda scope: policies.document(policies.execution_trust(scope)))
        role = self._role("execution", trust, "SageMaker acts with it for models and jobs")
        statements = pulumi.Output.all(self._scope, args.bucket_name).apply(
            lambda found: policies.execution(found[0], policies.Data(found[1], *others))
        )
        return self._with_statements("execution", role, statements)

    def _role(self, part: str, trust: pulumi.Input[str], description: str) -> aws.iam.Role:
        # No delay after its creation: its policy, which is created next, has one.
        opts = pulumi.ResourceOptions(parent=self, hooks=_after(update=self._seen))
        name, description = f"{self._name}-{part}", f"{self._name}: {description}"
        return create_role(name, trust, description, opts, permissions_boundary=self._args.permissions_boundary)

    def _with_managed_policies(self, part: str, role: aws.iam.Role, names: Sequence[str]) -> UsableRole:
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-{part}-{policy}",
                role=role.name,
                policy_arn=self._scope.apply(lambda scope, policy=policy: scope.managed_policy(policy)),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for policy in names
        ]
        return UsableRole(role, [role, *attachments])

    def _with_statements(self, part: str, role: aws.iam.Role, statements: pulumi.Output[list[Statement]]) -> UsableRole:
        opts = pulumi.ResourceOptions(parent=self, hooks=_after(create=self._seen, update=self._seen))
        return UsableRole(role, [role, create_inline_policy(f"{self._name}-{part}", role, statements, opts)])


def create_role(
    name: str,
    trust: pulumi.Input[str],
    description: str,
    opts: pulumi.ResourceOptions,
    *,
    permissions_boundary: str,
    max_session_duration: int | None = None,
) -> aws.iam.Role:
    """Create a role of this name; the boundary is a policy's ARN or empty, the longest session is in seconds."""
    return aws.iam.Role(
        name,
        name=name,
        assume_role_policy=trust,
        description=description,
        permissions_boundary=permissions_boundary or None,
        max_session_duration=max_session_duration,
        tags={"Name": name},
        opts=opts,
    )


def create_inline_policy(
    name: str, role: aws.iam.Role, statements: pulumi.Output[list[Statement]], opts: pulumi.ResourceOptions
) -> aws.iam.RolePolicy:
    """Create a policy of these statements within a role."""
    document = statements.apply(lambda found: policies.document(*found))
    return aws.iam.RolePolicy(name, name=name, role=role.name, policy=document, opts=opts)


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
