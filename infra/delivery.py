"""Deployment without a person: roles that GitHub Actions assumes by OpenID Connect, so that no key is stored anywhere.

They exist only if `deliveryRepository` names a repository. A pull request may preview and change nothing. The branch main
may deploy, under the same policies as a person who deploys (docs/deployer-policy*.json). Neither may change its own
permissions: an administrator of the account creates and changes these resources.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.account import Account
from infra.identity import create_inline_policy, create_role
from infra.policies import Scope, Statement
from infra.settings import Settings

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
PATH = "/delivery/"
"""The IAM path of the deployer's policies, by which the policy pack knows them."""
DOCUMENTS = Path(__file__).parent.parent / "docs"
PREFIX, PROJECT = "batch-workshop", "sagemaker-batch-workshop"  # the names that the documents contain


@dataclass(frozen=True)
class DeliveryArgs:
    """Arguments of a repository's roles.

    Attributes:
        scope: of the ARNs in policies.
        repository: `owner/name` on GitHub.
        provider_arn: the account's OpenID Connect provider of GitHub, of which it can have one; empty to create it.
        state_bucket: the bucket of the stack's state; empty for a state elsewhere.
        secrets_key: the ARN of the KMS key of the stack's secrets; empty if another provider encrypts them.
        read_buckets: the buckets from which a preview reads objects.
        permissions_boundary: the ARN of a policy that limits each role; empty for none.
    """

    scope: pulumi.Output[Scope]
    repository: str
    provider_arn: str = ""
    state_bucket: str = ""
    secrets_key: str = ""
    read_buckets: Sequence[str] = ()
    permissions_boundary: str = ""

    @classmethod
    def of(cls, settings: Settings, account: Account) -> "DeliveryArgs":
        read = (*settings.input_buckets, settings.existing_bucket, settings.delivery_state_bucket)
        return cls(
            scope=account.scope,
            repository=settings.delivery_repository,
            provider_arn=settings.delivery_provider_arn,
            state_bucket=settings.delivery_state_bucket,
            secrets_key=settings.delivery_secrets_key,
            read_buckets=[bucket for bucket in read if bucket],
            permissions_boundary=settings.permissions_boundary,
        )


class Delivery(pulumi.ComponentResource):
    """The roles of a repository's workflows: one previews, one deploys."""

    preview: aws.iam.Role
    deploy: aws.iam.Role

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Delivery", name, None, opts)
        self._name = name
        self._here = pulumi.ResourceOptions(parent=self)
        self._boundary = args.permissions_boundary
        provider = pulumi.Output.from_input(args.provider_arn) if args.provider_arn else self._github().arn
        self.preview = self._role("preview", provider, f"repo:{args.repository}:pull_request")
        self.deploy = self._role("deploy", provider, f"repo:{args.repository}:ref:refs/heads/main")
        bucket, key = args.state_bucket, args.secrets_key
        read = args.scope.apply(lambda scope: preview(scope, args.read_buckets, key))
        create_inline_policy(f"{name}-preview", self.preview, read, self._here)
        if bucket or key:
            write = args.scope.apply(lambda scope: state(scope, bucket, key))
            create_inline_policy(f"{name}-deploy", self.deploy, write, self._here)
        for number, text in enumerate(deployer_documents(name, pulumi.get_project())):
            self._deployer(number, text)
        self.register_outputs({"preview_role_arn": self.preview.arn, "deploy_role_arn": self.deploy.arn})

    def outputs(self) -> dict[str, pulumi.Output[str]]:
        """Return the stack's output `delivery_roles`."""
        return {"preview": self.preview.arn, "deploy": self.deploy.arn}

    def _github(self) -> aws.iam.OpenIdConnectProvider:
        return aws.iam.OpenIdConnectProvider(
            f"{self._name}-github",
            url=f"https://{ISSUER}",
            client_id_lists=[AUDIENCE],
            tags={"Name": f"{self._name}-github"},
            opts=self._here,
        )

    def _role(self, part: str, provider: pulumi.Output[str], subject: str) -> aws.iam.Role:
        return create_role(
            f"{self._name}-{part}",
            provider.apply(lambda arn: policies.document(trust(arn, subject))),
            f"{self._name}: GitHub Actions acts with it to {part}",
            self._here,
            permissions_boundary=self._boundary,
            max_session_duration=2 * 3600,  # the first up and a destroy take more than half an hour
        )

    def _deployer(self, number: int, text: str) -> None:
        policy = aws.iam.Policy(
            f"{self._name}-deployer-{number}",
            name=f"{self._name}-deployer-{number}",
            path=PATH,
            policy=text,
            tags={"Name": f"{self._name}-deployer-{number}"},
            opts=self._here,
        )
        aws.iam.RolePolicyAttachment(
            f"{self._name}-deployer-{number}", role=self.deploy.name, policy_arn=policy.arn, opts=self._here
        )


def trust(provider_arn: str, subject: str) -> Statement:
    """Let workflows of one repository take a role, for one event or branch only.

    GitHub's claims: https://docs.github.com/actions/reference/security/oidc.
    """
    claims = {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}
    return Statement(
        "GitHubActions",
        ["sts:AssumeRoleWithWebIdentity"],
        principal={"Federated": provider_arn},
        condition={"StringEquals": claims},
    )


def preview(scope: Scope, buckets: Sequence[str] = (), secrets_key: str = "") -> list[Statement]:
    """Let a preview make the program's lookups, read the state, and list the inputs of jobs.

    Args:
        scope: of the stack.
        buckets: the names of the buckets that hold the state and inputs.
        secrets_key: the ARN of the KMS key of the stack's secrets; empty if another provider encrypts them.
    """
    looked_up = [
        *("ec2:DescribeAvailabilityZones", "ec2:DescribeVpcs", "ec2:DescribeSubnets"),
        *("eks:DescribeAddonVersions", "eks:DescribeClusterVersions", "eks:ListClusters"),
        *("servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas"),
    ]
    statements = [
        Statement("LookUp", looked_up, ["*"]),  # these actions do not support resource-level permissions
        Statement("ReadVpc", ["ec2:DescribeVpcAttribute"], [scope.arn("ec2", "vpc/*")]),
        Statement("ReadVersion", ["eks:DescribeCluster"], [scope.arn("eks", f"cluster/{scope.prefix}")]),
    ]
    if buckets:
        statements += [
            Statement("ListStateAndInput", ["s3:ListBucket"], [scope.bucket(name) for name in buckets]),
            Statement("ReadStateAndInput", ["s3:GetObject"], [scope.bucket(name, "/*") for name in buckets]),
        ]
    if secrets_key:
        statements.append(Statement("OpenSecrets", ["kms:Decrypt"], [secrets_key]))
    return statements


def state(scope: Scope, bucket: str = "", secrets_key: str = "") -> list[Statement]:
    """Let a deployment read and write the stack's state, if it is in a bucket and under a key of the account."""
    statements: list[Statement] = []
    if bucket:
        write = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        statements += [
            Statement("ListState", ["s3:ListBucket"], [scope.bucket(bucket)]),
            Statement("KeepState", write, [scope.bucket(bucket, "/*")]),
        ]
    if secrets_key:
        statements.append(Statement("KeepSecrets", ["kms:Decrypt", "kms:Encrypt"], [secrets_key]))
    return statements


def deployer_documents(prefix: str, project: str) -> list[str]:
    """Return the deployer's policies, rewritten for this prefix and project."""
    texts = [path.read_text() for path in sorted(DOCUMENTS.glob("deployer-policy*.json"))]
    return [
        re.sub(f"(?<!sagemaker-){re.escape(PREFIX)}", prefix, text.replace(PROJECT, "\0")).replace("\0", project)
        for text in texts
    ]
