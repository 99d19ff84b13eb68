"""The settings of a bucket that are resource types of their own; the id of each is the bucket's name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.resource import ResourceType, Update, names, tag_list, tag_map
from localcloud.pulumi.aws.types.s3_bucket import GONE, SETTLING, SETTLING_SECONDS
from localcloud.pulumi.wire import Properties

_NONCURRENT_EXPIRATION = {"noncurrentDays": "NoncurrentDays", "newerNoncurrentVersions": "NewerNoncurrentVersions"}
_NONCURRENT_TRANSITION = {**_NONCURRENT_EXPIRATION, "storageClass": "StorageClass"}
_SIZES = {"objectSizeGreaterThan": "ObjectSizeGreaterThan", "objectSizeLessThan": "ObjectSizeLessThan"}


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
        get: gets it.
        outputs: the outputs in S3's answer.
        remove: removes it.
        absent: the code with which S3 reports that it is not set.
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


def _to_rule(rule: Properties) -> dict[str, Any]:
    """A lifecycle rule as S3 takes it."""
    made: dict[str, Any] = {"ID": rule["id"], "Status": rule["status"]}
    if rule.get("prefix") is not None:
        made["Prefix"] = rule["prefix"]
    else:
        made["Filter"] = _to_filter(rule.get("filter") or {})
    if expiration := rule.get("expiration"):
        made["Expiration"] = _to_timed(expiration)
    if abort := rule.get("abortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": abort["daysAfterInitiation"]}
    if noncurrent := rule.get("noncurrentVersionExpiration"):
        made["NoncurrentVersionExpiration"] = _renamed(noncurrent, _NONCURRENT_EXPIRATION)
    if moves := rule.get("noncurrentVersionTransitions"):
        made["NoncurrentVersionTransitions"] = [_renamed(move, _NONCURRENT_TRANSITION) for move in moves]
    if transitions := rule.get("transitions"):
        made["Transitions"] = [{**_to_timed(t), "StorageClass": t["storageClass"]} for t in transitions]
    return made


def _renamed(values: Properties, table: dict[str, str]) -> dict[str, Any]:
    return {api: values[name] for name, api in table.items() if values.get(name) is not None}


def _to_timed(values: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if values.get("date"):
        made["Date"] = datetime.fromisoformat(values["date"])
    if values.get("days"):
        made["Days"] = values["days"]
    if values.get("expiredObjectDeleteMarker"):
        made["ExpiredObjectDeleteMarker"] = True
    return made


def _to_filter(values: Properties) -> dict[str, Any]:
    if both := values.get("and"):
        made = _renamed(both, {"prefix": "Prefix", **_SIZES})
        return {"And": {**made, **({"Tags": tag_list(both["tags"])} if both.get("tags") else {})}}
    if tag := values.get("tag"):
        return {"Tag": {"Key": tag["key"], "Value": tag["value"]}}
    # an empty filter means the empty prefix, which is every object
    return _renamed(values, _SIZES) or {"Prefix": values.get("prefix") or ""}


def _from_rule(rule: Any) -> Properties:
    """A rule as Pulumi has it."""
    made: Properties = {"id": rule.get("ID", ""), "status": rule["Status"]}
    if "Filter" in rule:
        made["filter"] = _from_filter(rule["Filter"])
    elif "Prefix" in rule:
        made["prefix"] = rule["Prefix"]
    if "Expiration" in rule:
        made["expiration"] = _from_timed(rule["Expiration"])
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        made["abortIncompleteMultipartUpload"] = {"daysAfterInitiation": days}
    if "NoncurrentVersionExpiration" in rule:
        made["noncurrentVersionExpiration"] = _back(rule["NoncurrentVersionExpiration"], _NONCURRENT_EXPIRATION)
    if moves := rule.get("NoncurrentVersionTransitions"):
        made["noncurrentVersionTransitions"] = [_back(move, _NONCURRENT_TRANSITION) for move in moves]
    if transitions := rule.get("Transitions"):
        made["transitions"] = [{**_from_timed(t), "storageClass": t["StorageClass"]} for t in transitions]
    return made


def _back(values: Any, table: dict[str, str]) -> Properties:
    return {name: values[api] for name, api in table.items() if api in values}


def _from_timed(values: Any) -> Properties:
    made: Properties = {}
    if "Date" in values:
        made["date"] = values["Date"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if "Days" in values:
        made["days"] = values["Days"]
    if "ExpiredObjectDeleteMarker" in values:
        made["expiredObjectDeleteMarker"] = values["ExpiredObjectDeleteMarker"]
    return made


def _from_filter(values: Any) -> Properties:
    if both := values.get("And"):
        made = _back(both, {"prefix": "Prefix", **_SIZES})
        return {"and": {**made, **({"tags": tag_map(both["Tags"])} if both.get("Tags") else {})}}
    if tag := values.get("Tag"):
        return {"tag": {"key": tag["Key"], "value": tag["Value"]}}
    return _back(values, {"prefix": "Prefix", **_SIZES})


def _put_lifecycle(cloud: Cloud, inputs: Properties) -> object:
    rules = [_to_rule(rule) for rule in inputs.get("rules") or []]
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
        "rules": [_from_rule(rule) for rule in answer["Rules"]],
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
