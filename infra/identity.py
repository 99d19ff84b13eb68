"""Identities: the roles of the cluster, its node, the operator and the jobs, each with the permissions that it needs and no
more.

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
from infra.policies import Statement
from infra.settings import Settings
from infra.storage import Storage


@dataclass(frozen=True)
class Identified:
    """A role, and the resources that make it usable."""

    role: aws.iam.Role
    ready: list[pulumi.Resource]

    @property
    def arn(self) -> pulumi.Output[str]:
        return self.role.arn


class Identity(pulumi.ComponentResource):
    """The roles of a stack: four, or three without nodes."""

    cluster: Identified
    node: Identified | None
    operator: Identified
    execution: Identified

    def __init__(self, settings: Settings, account: Account, storage: Storage, private_images: Sequence[str]) -> None:
        super().__init__("workshop:index:Identity", settings.prefix, None, account.options)
        self._name, self._settings, self._scope = settings.prefix, settings, account.scope
        self._seen = _delay(self._name, settings.iam_delay_seconds)
        self.cluster = self._cluster()
        self.node = self._node() if settings.has_nodes else None
        self.operator = self._operator()
        self.execution = self._execution(storage.bucket_name, private_images)
        self.register_outputs(
            {"execution_role_arn": self.execution.arn, "operator_role_arn": self.operator.arn},
        )

    def _cluster(self) -> Identified:
        name = self._settings.cluster_name
        trust = self._scope.apply(lambda scope: policies.document(policies.cluster_trust(scope, name)))
        role = self._role("cluster", trust, "EKS acts with it for the control plane")
        return self._with_managed_policies("cluster", role, ["AmazonEKSClusterPolicy"])

    def _node(self) -> Identified:
        role = self._role("node", policies.document(policies.node_trust()), "the kubelet of each node acts with it")
        names = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"]
        return self._with_managed_policies("node", role, names)

    def _operator(self) -> Identified:
        known = self._settings
        subject = (known.cluster_name, known.operator_namespace, known.operator_service_account)
        through = "EKS Pod Identity" if known.has_nodes else "a capability of EKS"
        trust = self._scope.apply(
            lambda scope: policies.document(
                policies.pod_trust(scope, *subject) if known.has_nodes else policies.capability_trust()
            )
        )
        role = self._role("operator", trust, f"the SageMaker operator acts with it, through {through}")
        statements = self._scope.apply(
            lambda scope: policies.operator(scope, known.allowed_transform_instance_types, known.kms_keys)
        )
        return self._with_statements("operator", role, statements)

    def _execution(self, bucket_name: pulumi.Output[str], private_images: Sequence[str]) -> Identified:
        others = (self._settings.input_buckets, self._settings.output_buckets, self._settings.kms_keys, private_images)
        trust = self._scope.apply(lambda scope: policies.document(policies.execution_trust(scope)))
        role = self._role("execution", trust, "SageMaker acts with it for models and jobs")
        statements = pulumi.Output.all(self._scope, bucket_name).apply(
            lambda found: policies.execution(found[0], policies.Data(found[1], *others))
        )
        return self._with_statements("execution", role, statements)

    def _role(self, part: str, trust: pulumi.Input[str], description: str) -> aws.iam.Role:
        return aws.iam.Role(
            f"{self._name}-{part}",
            name=f"{self._name}-{part}",
            assume_role_policy=trust,
            description=f"{self._name}: {description}",
            permissions_boundary=self._settings.permissions_boundary or None,
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
