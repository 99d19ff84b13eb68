"""The bucket: models, inputs and results under prefixes of their own.

Pulumi generates its name, so that no stack finds another's results. Results expire by a lifecycle rule. The bucket is
destroyed with everything in it, because SageMaker, and not Pulumi, wrote the results.

An existing bucket (`existingBucket`) keeps its owner's rules, and remains when the stack is destroyed, with all results.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.account import Account
from infra.settings import Settings


@dataclass(frozen=True)
class StorageArgs:
    """Arguments of a bucket.

    Attributes:
        scope: of the bucket's ARN.
        results_expire_days: the age in days at which results are deleted.
        existing_bucket: a bucket to use as it is; empty to create one.
    """

    scope: pulumi.Output[policies.Scope]
    results_expire_days: int
    existing_bucket: str = ""

    @classmethod
    def of(cls, settings: Settings, account: Account) -> "StorageArgs":
        return cls(account.scope, settings.results_expire_days, settings.existing_bucket)


class Storage(pulumi.ComponentResource):
    """One private, encrypted bucket that accepts TLS only and deletes results after some days; or an existing one."""

    bucket_name: pulumi.Output[str]
    hardening: list[pulumi.Resource]
    """The resources that secure a bucket of the stack's own; SageMaker reads from it only when all of them exist."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Storage", name, None, opts)
        self._name = name
        self._here = pulumi.ResourceOptions(parent=self)
        if args.existing_bucket:
            self.bucket_name = pulumi.Output.from_input(args.existing_bucket)
            self.hardening = []
        else:
            self._create(args)
        self.register_outputs({"bucket_name": self.bucket_name})

    def _create(self, args: StorageArgs) -> None:
        bucket = aws.s3.Bucket(
            f"{self._name}-data",
            force_destroy=True,  # destroy reads this from the state, so it must be set from the first `up` on
            tags={"Name": f"{self._name}-data"},
            opts=self._here,
        )
        self.bucket_name = bucket.bucket
        where: dict[str, Any] = {"resource_name": f"{self._name}-data", "bucket": bucket.bucket, "opts": self._here}
        public_access = aws.s3.BucketPublicAccessBlock(
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            **where,
        )
        self.hardening = [
            public_access,
            aws.s3.BucketOwnershipControls(rule={"object_ownership": "BucketOwnerEnforced"}, **where),
            aws.s3.BucketServerSideEncryptionConfiguration(
                rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}], **where
            ),
            aws.s3.BucketLifecycleConfiguration(rules=_lifecycle(args.results_expire_days), **where),
            self._tls_only(bucket, args.scope, after=public_access),
        ]

    def _tls_only(
        self, bucket: aws.s3.Bucket, scope: pulumi.Output[policies.Scope], after: pulumi.Resource
    ) -> aws.s3.BucketPolicy:
        document = pulumi.Output.all(scope, bucket.bucket).apply(
            lambda found: policies.document(policies.tls_only(found[0], found[1]))
        )
        # Writing policy and public access block at the same time leads to 409 OperationAborted.
        ordered = pulumi.ResourceOptions(parent=self, depends_on=[after])
        return aws.s3.BucketPolicy(f"{self._name}-data", bucket=bucket.bucket, policy=document, opts=ordered)


def _lifecycle(days: int) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Let results expire, and remove the parts of interrupted uploads."""
    return [
        {
            "id": "results-expire",
            "status": "Enabled",
            "filter": {"prefix": "output/"},
            "expiration": {"days": days},
        },
        {
            "id": "cut-off-uploads-go",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
        },
    ]
