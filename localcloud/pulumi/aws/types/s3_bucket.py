"""The bucket itself."""

from __future__ import annotations

import re
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.conversion import from_structure, tag_list, tag_map
from localcloud.pulumi.aws.endpoint import AwsError
from localcloud.pulumi.aws.resource import Naming, ResourceType, Tags
from localcloud.pulumi.aws.schema import properties
from localcloud.pulumi.wire import Properties, names

_TOKEN = "aws:s3/bucket:Bucket"
GONE = ("NoSuchBucket", "404")
# S3's answers while another change of the bucket is in progress, or before the bucket is known everywhere.
SETTLING = {"OperationAborted": None, "NoSuchBucket": None}
SETTLING_SECONDS = 10.0
_NAME = re.compile(r"(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)")
_BATCH = 1000
_ENCRYPTION = "serverSideEncryptionConfiguration"
_HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-west-3": "Z3R1K369G5AVDG",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-north-1": "Z3BAZG2TWCNX0D",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD",
    "ca-central-1": "Z1QDHH18159H29",
}


def _create(cloud: Cloud, inputs: Properties) -> str:
    name = inputs["bucket"]
    elsewhere = cloud.region != "us-east-1"  # the only region that must not be named
    try:
        cloud.s3(
            "CreateBucket",
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": cloud.region} if elsewhere else None,
            ObjectLockEnabledForBucket=inputs.get("objectLockEnabled"),
        )
    except AwsError as e:
        if e.code == "BucketAlreadyOwnedByYou":
            raise AwsError(e.operation, e.code, f"the bucket {name} exists already in this account", e.status) from None
        raise
    cloud.made(name)
    if tags := inputs.get("tagsAll"):
        _put_tags(cloud, name, tags)
    return name


def _put_tags(cloud: Cloud, name: str, tags: Tags) -> None:
    tagging = {"TagSet": tag_list(tags) or []}
    cloud.retry(
        lambda: cloud.s3("PutBucketTagging", Bucket=name, Tagging=tagging), codes=SETTLING, seconds=SETTLING_SECONDS
    )


def _tags(cloud: Cloud, name: str) -> Tags:
    answer = absent_as_none(lambda: cloud.s3("GetBucketTagging", Bucket=name), "NoSuchTagSet")
    return tag_map(answer["TagSet"]) if answer else {}


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    if absent_as_none(lambda: cloud.s3("HeadBucket", Bucket=identity), *GONE) is None:
        return None
    versioning = cloud.s3("GetBucketVersioning", Bucket=identity)
    policy = absent_as_none(lambda: cloud.s3("GetBucketPolicy", Bucket=identity), "NoSuchBucketPolicy")
    return {
        "bucket": identity,
        "bucketNamespace": "global",
        "arn": f"arn:aws:s3:::{identity}",
        "bucketDomainName": f"{identity}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{identity}.s3.{cloud.region}.amazonaws.com",
        "bucketRegion": cloud.region,
        "hostedZoneId": _HOSTED_ZONES.get(cloud.region, ""),
        "tagsAll": _tags(cloud, identity),
        "policy": policy["Policy"] if policy else "",
        "versioning": {
            "enabled": versioning.get("Status") == "Enabled",
            "mfaDelete": versioning.get("MFADelete") == "Enabled",
        },
        **_encryption(cloud, identity),
        "requestPayer": "BucketOwner",
        "objectLockEnabled": bool(known.get("objectLockEnabled")),
    }


def _encryption(cloud: Cloud, name: str) -> Properties:
    gone = "ServerSideEncryptionConfigurationNotFoundError"
    answer = absent_as_none(lambda: cloud.s3("GetBucketEncryption", Bucket=name), gone)
    shape = cloud.model("s3", "GetBucketEncryption").output_shape
    declared = {_ENCRYPTION: properties(_TOKEN)["outputs"][_ENCRYPTION]}
    return from_structure(declared, shape, answer, {"rule": "Rules"}) if answer else {}


def _tag(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    # S3 replaces all tags of a bucket at once.
    tags = {**{k: v for k, v in _tags(cloud, identity).items() if k not in remove}, **add}
    if tags:
        _put_tags(cloud, identity, tags)
    else:
        cloud.s3("DeleteBucketTagging", Bucket=identity)


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    try:
        cloud.retry(lambda: cloud.s3("DeleteBucket", Bucket=identity), codes={"OperationAborted": None}, seconds=60)
    except AwsError as e:
        if e.code in GONE:
            return
        if e.code != "BucketNotEmpty" or not known.get("forceDestroy"):
            raise
        delete_versions(cloud, identity)
        # A job may still be writing, so objects that appear after the emptying are removed, too.
        _delete_while_filling(cloud, identity)


def _delete_while_filling(cloud: Cloud, name: str, tries: int = 5) -> None:
    for attempt in range(tries):
        try:
            ignore(lambda: cloud.s3("DeleteBucket", Bucket=name), *GONE)
        except AwsError as e:
            if e.code != "BucketNotEmpty" or attempt == tries - 1:
                raise
            delete_versions(cloud, name)
        else:
            return


def delete_versions(cloud: Cloud, bucket: str, key: str | None = None) -> None:
    """Remove all versions and delete markers of a bucket, or of one object."""
    marker: dict[str, Any] = {}
    while True:
        page = cloud.s3("ListObjectVersions", Bucket=bucket, Prefix=key, MaxKeys=_BATCH, **marker)
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in found if key is None or v["Key"] == key]
        if objects:
            _delete_objects(cloud, bucket, objects)
        if not page.get("IsTruncated"):
            return
        marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker")}


def _delete_objects(cloud: Cloud, bucket: str, objects: list[dict[str, str]]) -> None:
    answer = cloud.s3("DeleteObjects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if problems := answer.get("Errors"):
        first = problems[0]
        raise AwsError("DeleteObjects", first.get("Code", ""), f"{first.get('Key')}: {first.get('Message', '')}")


def _problems(inputs: Properties) -> dict[str, str]:
    name = inputs.get("bucket")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        return {
            "bucket": f"{name!r} is not a bucket name: use 3 to 63 characters, lower case letters, digits, `.` and `-`, "
            "a letter or digit at both ends"
        }
    return {}


BUCKET = ResourceType(
    token=_TOKEN,
    create=_create,
    read=_read,
    delete=_delete,
    tagger=_tag,
    replaces=names("bucket bucketPrefix bucketNamespace objectLockEnabled"),
    defaults={"forceDestroy": False},
    # These have resource types of their own.
    unsupported=names(
        "accelerationStatus acl bucketNamespace corsRules grants lifecycleRules logging objectLockConfiguration policy "
        "replicationConfiguration requestPayer serverSideEncryptionConfiguration versioning website"
    ),
    naming=Naming("bucket", "bucketPrefix", limit=63, lower=True),
    validate=_problems,
)

TYPES = (BUCKET,)
