"""The settings of a bucket that are resource types of their own; the id of each is the bucket's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.pulumi.aws.api import Api
from localcloud.pulumi.aws.cloud import Cloud, Codes, absent_as_none, ignore
from localcloud.pulumi.aws.conversion import to_api
from localcloud.pulumi.aws.resource import ResourceType
from localcloud.pulumi.aws.types.s3_bucket import GONE, SETTLING, SETTLING_SECONDS
from localcloud.pulumi.wire import Properties, names


@dataclass(frozen=True, kw_only=True)
class SettingApi(Api):
    """The API of one setting of a bucket; its calls put, get and delete it.

    Args:
        within: the member of the first call that holds the properties; empty if they are the call's own parameters.
        complete: completes this member with values that S3 requires and the properties may omit.
    """

    service: str = "s3"
    identity: str = "bucket"
    gone: tuple[str, ...] = GONE
    settling: Codes = field(default_factory=lambda: SETTLING)
    settling_seconds: float = SETTLING_SECONDS
    busy: Codes = field(default_factory=lambda: {"OperationAborted": None})
    within: str = ""
    complete: Callable[[Any], Any] = lambda made: made

    def type(self, **fields: Any) -> ResourceType:
        update = {"update": lambda cloud, change: self.create(cloud, change.new)}
        return super().type(**{**update, "replaces": names("bucket"), **fields})

    def create(self, cloud: Cloud, inputs: Properties, **more: Any) -> str:
        if self.within:
            shape = cloud.model("s3", self.calls[0]).input_shape.members[self.within]
            more[self.within] = self.complete(to_api(shape, inputs, self.names))
        return super().create(cloud, inputs, **more)


PUBLIC_ACCESS_BLOCK = SettingApi(
    token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    calls=("PutPublicAccessBlock", "GetPublicAccessBlock", "DeletePublicAccessBlock"),
    within="PublicAccessBlockConfiguration",
    key="PublicAccessBlockConfiguration",
    gone=("NoSuchPublicAccessBlockConfiguration", *GONE),
).type(
    defaults=dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False
    ),
    unsupported=names("skipDestroy"),
)

OWNERSHIP_CONTROLS = SettingApi(
    token="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    calls=("PutBucketOwnershipControls", "GetBucketOwnershipControls", "DeleteBucketOwnershipControls"),
    within="OwnershipControls",
    key="OwnershipControls",
    names={"rule": "Rules"},
    gone=("OwnershipControlsNotFoundError", *GONE),
).type()

SERVER_SIDE_ENCRYPTION = SettingApi(
    token="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    calls=("PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption"),
    within="ServerSideEncryptionConfiguration",
    key="ServerSideEncryptionConfiguration",
    gone=("ServerSideEncryptionConfigurationNotFoundError", *GONE),
).type(unsupported=names("expectedBucketOwner"))

BUCKET_POLICY = SettingApi(
    token="aws:s3/bucketPolicy:BucketPolicy",
    calls=("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy"),
    gone=("NoSuchBucketPolicy", *GONE),
    settling={**SETTLING, "MalformedPolicy": "Invalid principal"},
).type(documents=names("policy"))

# Versioning


def _read_versioning(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = absent_as_none(lambda: cloud.s3("GetBucketVersioning", Bucket=identity), *GONE)
    if not found or not found.get("Status"):
        return None
    state = {"status": found["Status"], "mfaDelete": found.get("MFADelete", "")}
    return {"bucket": identity, "versioningConfiguration": state}


def _suspend(cloud: Cloud, identity: str, known: Properties) -> None:
    suspended = {"Status": "Suspended"}
    ignore(lambda: cloud.s3("PutBucketVersioning", Bucket=identity, VersioningConfiguration=suspended), *GONE)


def _versioning_problems(inputs: Properties) -> dict[str, str]:
    configuration = inputs.get("versioningConfiguration")
    status = configuration.get("status") if isinstance(configuration, dict) else None
    wrong = isinstance(status, str) and status not in {"Enabled", "Suspended"}
    return {"versioningConfiguration": "the status must be Enabled or Suspended"} if wrong else {}


VERSIONING = SettingApi(
    token="aws:s3/bucketVersioning:BucketVersioning",
    calls=("PutBucketVersioning", "GetBucketVersioning", "PutBucketVersioning"),
).type(
    read=_read_versioning,
    delete=_suspend,
    unsupported=names("expectedBucketOwner mfa"),
    validate=_versioning_problems,
)

# Lifecycle

_LIFECYCLE_DEFAULTS = {"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"}


def _with_filters(configuration: Any) -> Any:
    """The configuration with a filter in each rule: an empty one means the empty prefix, which is every object."""
    for rule in configuration["Rules"]:
        if "Prefix" not in rule:
            rule["Filter"] = rule.get("Filter") or {"Prefix": ""}
    return configuration


LIFECYCLE = SettingApi(
    token="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    calls=("PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
    within="LifecycleConfiguration",
    complete=_with_filters,
    gone=("NoSuchLifecycleConfiguration", *GONE),
).type(
    defaults=_LIFECYCLE_DEFAULTS,
    unsupported=names("expectedBucketOwner timeouts"),
    validate=lambda inputs: (
        {"rules": "a lifecycle configuration needs `rules`"} if inputs.get("rules", []) == [] else {}
    ),
)

TYPES = (
    PUBLIC_ACCESS_BLOCK,
    OWNERSHIP_CONTROLS,
    SERVER_SIDE_ENCRYPTION,
    BUCKET_POLICY,
    VERSIONING,
    LIFECYCLE,
)
