"""The settings of a bucket that are resource types of their own; the id of each is the bucket's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import ResourceType, Update, names
from localcloud.pulumi.aws.types.s3_bucket import GONE, SETTLING, SETTLING_SECONDS
from localcloud.pulumi.aws.types.s3_lifecycle import from_rule, to_rule
from localcloud.pulumi.wire import Properties


def _setting(
    token: str,
    put: Callable[[Cloud, Properties], object],
    get: Callable[[Cloud, str], Any],
    outputs: Callable[[Any], Properties],
    remove: Callable[[Cloud, str, Properties], object],
    *,
    absent: str,
    **rest: Any,
) -> ResourceType:
    """A type that puts, gets and deletes one setting of a bucket.

    Args:
        token: its Pulumi type.
        put: sets it, at creation and at update.
        get: asks for it.
        outputs: reads the answer.
        remove: takes it back.
        absent: the code with which S3 says that it is not set.
        rest: further fields of the type.
    """

    def create(cloud: Cloud, inputs: Properties) -> str:
        cloud.retry(lambda: put(cloud, inputs), codes=SETTLING, seconds=SETTLING_SECONDS)
        return inputs["bucket"]

    def read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
        answer = absent_as_none(lambda: get(cloud, identity), absent, *GONE)
        return {"bucket": identity, **outputs(answer)} if answer else None

    def update(cloud: Cloud, change: Update) -> None:
        cloud.retry(lambda: put(cloud, change.new), codes=SETTLING, seconds=SETTLING_SECONDS)

    def delete(cloud: Cloud, identity: str, known: Properties) -> None:
        codes = {"OperationAborted": None}
        ignore(lambda: cloud.retry(lambda: remove(cloud, identity, known), codes=codes, seconds=60), absent, *GONE)

    return ResourceType(
        token=token,
        create=create,
        read=read,
        update=update,
        delete=delete,
        replaces=rest.pop("replaces", names("bucket")),
        **rest,
    )


# Public access block

_BLOCKS = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}

PUBLIC_ACCESS_BLOCK = _setting(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    lambda cloud, inputs: cloud.s3(
        "PutPublicAccessBlock",
        Bucket=inputs["bucket"],
        PublicAccessBlockConfiguration={api: inputs[name] for name, api in _BLOCKS.items()},
    ),
    lambda cloud, bucket: cloud.s3("GetPublicAccessBlock", Bucket=bucket),
    lambda answer: {n: answer["PublicAccessBlockConfiguration"].get(api, False) for n, api in _BLOCKS.items()},
    lambda cloud, bucket, known: (
        None if known.get("skipDestroy") else cloud.s3("DeletePublicAccessBlock", Bucket=bucket)
    ),
    absent="NoSuchPublicAccessBlockConfiguration",
    defaults=dict.fromkeys(_BLOCKS, False),
)

# Ownership controls

OWNERSHIP_CONTROLS = _setting(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    lambda cloud, inputs: cloud.s3(
        "PutBucketOwnershipControls",
        Bucket=inputs["bucket"],
        OwnershipControls={"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]},
    ),
    lambda cloud, bucket: cloud.s3("GetBucketOwnershipControls", Bucket=bucket),
    lambda answer: {"rule": {"objectOwnership": answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"]}},
    lambda cloud, bucket, known: cloud.s3("DeleteBucketOwnershipControls", Bucket=bucket),
    absent="OwnershipControlsNotFoundError",
)

# Encryption


def _to_encryption(rule: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if default := rule.get("applyServerSideEncryptionByDefault"):
        made["ApplyServerSideEncryptionByDefault"] = {"SSEAlgorithm": default["sseAlgorithm"]}
        if default.get("kmsMasterKeyId"):
            made["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = default["kmsMasterKeyId"]
    if "bucketKeyEnabled" in rule:
        made["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
    return made


def _from_encryption(rule: Any) -> Properties:
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    return {
        "applyServerSideEncryptionByDefault": {
            "sseAlgorithm": default.get("SSEAlgorithm", ""),
            "kmsMasterKeyId": default.get("KMSMasterKeyID", ""),
        },
        "bucketKeyEnabled": rule.get("BucketKeyEnabled", False),
    }


SERVER_SIDE_ENCRYPTION = _setting(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    lambda cloud, inputs: cloud.s3(
        "PutBucketEncryption",
        Bucket=inputs["bucket"],
        ServerSideEncryptionConfiguration={"Rules": [_to_encryption(rule) for rule in inputs["rules"]]},
    ),
    lambda cloud, bucket: cloud.s3("GetBucketEncryption", Bucket=bucket),
    lambda answer: {"rules": [_from_encryption(r) for r in answer["ServerSideEncryptionConfiguration"]["Rules"]]},
    lambda cloud, bucket, known: cloud.s3("DeleteBucketEncryption", Bucket=bucket),
    absent="ServerSideEncryptionConfigurationNotFoundError",
    unsupported=names("expectedBucketOwner"),
)

# Versioning


def _get_versioning(cloud: Cloud, bucket: str) -> Any:
    answer = cloud.s3("GetBucketVersioning", Bucket=bucket)
    return answer if answer.get("Status") else None


VERSIONING = _setting(
    "aws:s3/bucketVersioning:BucketVersioning",
    lambda cloud, inputs: cloud.s3(
        "PutBucketVersioning",
        Bucket=inputs["bucket"],
        VersioningConfiguration={"Status": inputs["versioningConfiguration"]["status"]},
    ),
    _get_versioning,
    lambda answer: {"versioningConfiguration": {"status": answer["Status"], "mfaDelete": answer.get("MFADelete", "")}},
    lambda cloud, bucket, known: cloud.s3(
        "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    absent="NoSuchBucket",
    unsupported=names("expectedBucketOwner mfa"),
    validate=lambda inputs: (
        {"versioningConfiguration": "the status must be Enabled or Suspended"}
        if isinstance(v := inputs.get("versioningConfiguration"), dict)
        and isinstance(v.get("status"), str)
        and v["status"] not in {"Enabled", "Suspended"}
        else {}
    ),
)

# Lifecycle


def _put_lifecycle(cloud: Cloud, inputs: Properties) -> object:
    rules = [to_rule(rule) for rule in inputs.get("rules") or []]
    return cloud.s3(
        "PutBucketLifecycleConfiguration",
        Bucket=inputs["bucket"],
        LifecycleConfiguration={"Rules": rules},
        TransitionDefaultMinimumObjectSize=inputs["transitionDefaultMinimumObjectSize"],
    )


LIFECYCLE = _setting(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    _put_lifecycle,
    lambda cloud, bucket: cloud.s3("GetBucketLifecycleConfiguration", Bucket=bucket),
    lambda answer: {
        "rules": [from_rule(rule) for rule in answer["Rules"]],
        "expectedBucketOwner": "",
        "transitionDefaultMinimumObjectSize": answer.get(
            "TransitionDefaultMinimumObjectSize", "all_storage_classes_128K"
        ),
    },
    lambda cloud, bucket, known: cloud.s3("DeleteBucketLifecycle", Bucket=bucket),
    absent="NoSuchLifecycleConfiguration",
    defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
    unsupported=names("expectedBucketOwner timeouts"),
    validate=lambda inputs: {} if inputs.get("rules") else {"rules": "a lifecycle configuration needs `rules`"},
)

# Policy

_POLICY_SETTLING = {**SETTLING, "MalformedPolicy": "Invalid principal"}

BUCKET_POLICY = _setting(
    "aws:s3/bucketPolicy:BucketPolicy",
    lambda cloud, inputs: cloud.retry(
        lambda: cloud.s3("PutBucketPolicy", Bucket=inputs["bucket"], Policy=inputs["policy"]), codes=_POLICY_SETTLING
    ),
    lambda cloud, bucket: cloud.s3("GetBucketPolicy", Bucket=bucket),
    lambda answer: {"policy": answer["Policy"]},
    lambda cloud, bucket, known: cloud.s3("DeleteBucketPolicy", Bucket=bucket),
    absent="NoSuchBucketPolicy",
    documents=names("policy"),
)
