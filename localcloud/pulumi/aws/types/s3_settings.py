"""The settings of a bucket that are resource types of their own; the id of each is the bucket's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.pulumi.aws.api import Api
from localcloud.pulumi.aws.cloud import Cloud, Codes, absent_as_none, ignore
from localcloud.pulumi.aws.conversion import to_api
from localcloud.pulumi.aws.resource import ResourceType, Update
from localcloud.pulumi.aws.types.s3_bucket import GONE, SETTLING, SETTLING_SECONDS
from localcloud.pulumi.wire import Properties, names


def _setting(
    token: str,
    calls: tuple[str, str, str],
    *,
    absent: str,
    within: str = "",
    key: str = "",
    api_names: dict[str, str] | None = None,
    settling: Codes = SETTLING,
    complete: Callable[[Any], Any] = lambda made: made,
    **rest: Any,
) -> ResourceType:
    """A type that puts, gets and deletes one setting of a bucket.

    Args:
        token: its Pulumi type.
        calls: the calls that put, get and delete it.
        absent: the code with which S3 reports that it is not set.
        within: the member of the first call that holds the properties.
        key: the member of the second call's answer that holds the properties.
        api_names: the API's names of properties, where the letters differ.
        settling: what S3 answers until the bucket is known everywhere.
        complete: adds to the member `within` what the properties do not say.
        rest: further fields of the type.
    """
    api = Api(
        token=token,
        service="s3",
        calls=calls,
        key=key,
        identity="bucket",
        gone=(absent, *GONE),
        names=api_names or {},
        settling=settling,
        settling_seconds=SETTLING_SECONDS,
        busy={"OperationAborted": None},
    )

    def put(cloud: Cloud, inputs: Properties) -> str:
        if not within:
            return api.create(cloud, inputs)
        shape = cloud.model("s3", calls[0]).input_shape.members[within]
        return api.create(cloud, inputs, **{within: complete(to_api(shape, inputs, api.names))})

    def update(cloud: Cloud, change: Update) -> None:
        put(cloud, change.new)

    return api.type(**{"create": put, "update": update, "replaces": names("bucket"), **rest})


PUBLIC_ACCESS_BLOCK = _setting(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    ("PutPublicAccessBlock", "GetPublicAccessBlock", "DeletePublicAccessBlock"),
    within="PublicAccessBlockConfiguration",
    key="PublicAccessBlockConfiguration",
    absent="NoSuchPublicAccessBlockConfiguration",
    defaults=dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False
    ),
    unsupported=names("skipDestroy"),
)

OWNERSHIP_CONTROLS = _setting(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    ("PutBucketOwnershipControls", "GetBucketOwnershipControls", "DeleteBucketOwnershipControls"),
    within="OwnershipControls",
    key="OwnershipControls",
    api_names={"rule": "Rules"},
    absent="OwnershipControlsNotFoundError",
)

SERVER_SIDE_ENCRYPTION = _setting(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    ("PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption"),
    within="ServerSideEncryptionConfiguration",
    key="ServerSideEncryptionConfiguration",
    absent="ServerSideEncryptionConfigurationNotFoundError",
    unsupported=names("expectedBucketOwner"),
)

BUCKET_POLICY = _setting(
    "aws:s3/bucketPolicy:BucketPolicy",
    ("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy"),
    absent="NoSuchBucketPolicy",
    settling={**SETTLING, "MalformedPolicy": "Invalid principal"},
    documents=names("policy"),
)

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
    status = (
        inputs["versioningConfiguration"].get("status")
        if isinstance(inputs.get("versioningConfiguration"), dict)
        else None
    )
    wrong = isinstance(status, str) and status not in {"Enabled", "Suspended"}
    return {"versioningConfiguration": "the status must be Enabled or Suspended"} if wrong else {}


VERSIONING = _setting(
    "aws:s3/bucketVersioning:BucketVersioning",
    ("PutBucketVersioning", "GetBucketVersioning", "PutBucketVersioning"),
    read=_read_versioning,
    delete=_suspend,
    absent="NoSuchBucket",
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


LIFECYCLE = _setting(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    ("PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
    within="LifecycleConfiguration",
    complete=_with_filters,
    absent="NoSuchLifecycleConfiguration",
    defaults=_LIFECYCLE_DEFAULTS,
    unsupported=names("expectedBucketOwner timeouts"),
    validate=lambda inputs: (
        {} if inputs.get("rules", []) != [] else {"rules": "a lifecycle configuration needs `rules`"}
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
