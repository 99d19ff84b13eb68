"""Permissions of Amazon S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, unquote

from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.permissions import Keys, Permission
from localcloud.aws.protocol.wire import Call

_BUCKET = "arn:aws:s3:::{}"

# The actions of operations that have another name.
_ACTIONS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBuckets",
    **dict.fromkeys(("HeadBucket", "ListObjects", "ListObjectsV2"), "ListBucket"),
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    **dict.fromkeys(("HeadObject", "GetObjectAttributes", "SelectObjectContent"), "GetObject"),
    **dict.fromkeys(("CopyObject", "CreateMultipartUpload", "CompleteMultipartUpload"), "PutObject"),
    **dict.fromkeys(("UploadPart", "UploadPartCopy"), "PutObject"),
}
# The settings of a bucket that have other names in actions than in operations.
_SETTINGS: Mapping[str, str] = {
    "BucketEncryption": "EncryptionConfiguration",
    "BucketLifecycleConfiguration": "LifecycleConfiguration",
    "BucketLifecycle": "LifecycleConfiguration",
    "BucketReplication": "ReplicationConfiguration",
    "BucketAccelerateConfiguration": "AccelerateConfiguration",
    "BucketNotificationConfiguration": "BucketNotification",
    "BucketCors": "BucketCORS",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketTagging": "BucketTagging",
    "ObjectLockConfiguration": "BucketObjectLockConfiguration",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
# If the request names a version, the action is the one for versions, such as GetObjectVersion.
_VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "GetObjectAcl", "PutObjectAcl"}
_LISTS = {"ListObjects", "ListObjectsV2", "ListObjectVersions", "HeadBucket"}


def permissions(call: Call, _directory: Directory) -> Sequence[Permission]:
    bucket = str(call.params.get("Bucket") or "")
    action = "s3:" + _action(call)
    if call.operation == "ListBuckets":
        return [Permission(action, "*")]
    if call.operation == "DeleteObjects":
        return []  # S3 decides on each object by itself: see `localcloud.aws.s3`
    key = call.params.get("Key")
    if key is None:
        return [Permission(action, _BUCKET.format(bucket), _list_keys(call)), *_bucket_extras(call, bucket)]
    resource = _BUCKET.format(f"{bucket}/{key}")
    return [Permission(action, resource, _object_keys(call)), *_object_extras(call, resource), *_source(call)]


def _action(call: Call) -> str:
    verb = next((verb for verb in ("Get", "Put", "Delete") if call.operation.startswith(verb)), "")
    setting = call.operation.removeprefix(verb)
    if verb and setting in _SETTINGS:
        return f"{'Get' if verb == 'Get' else 'Put'}{_SETTINGS[setting]}"  # who may write a setting may delete it
    action = _ACTIONS.get(call.operation, call.operation)
    versioned = call.params.get("VersionId") and action in _VERSIONED
    return action.replace("Object", "ObjectVersion", 1) if versioned else action


def deletion(bucket: str, entry: Mapping[str, str]) -> Permission:
    """Return the permission to delete one of several objects."""
    action = "s3:DeleteObjectVersion" if entry.get("VersionId") else "s3:DeleteObject"
    return Permission(action, _BUCKET.format(f"{bucket}/{entry.get('Key')}"))


def _list_keys(call: Call) -> Keys:
    names = {"Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys"}
    return _given(call, names) if call.operation in _LISTS else {}


def _object_keys(call: Call) -> Keys:
    names = {
        "ACL": "s3:x-amz-acl",
        "ServerSideEncryption": "s3:x-amz-server-side-encryption",
        "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "StorageClass": "s3:x-amz-storage-class",
        "VersionId": "s3:versionid",
        "IfNoneMatch": "s3:if-none-match",
    }
    tagging = call.params.get("Tagging")
    tags = parse_qsl(tagging) if isinstance(tagging, str) else ()
    return _given(call, names) | {f"s3:requestobjecttag/{key.lower()}": (value,) for key, value in tags}


def _given(call: Call, names: Mapping[str, str]) -> Keys:
    """Return condition keys with the values of arguments; unlike `given`, it counts an empty one."""
    return {key: (str(call.params[name]),) for name, key in names.items() if call.params.get(name) is not None}


def _bucket_extras(call: Call, bucket: str) -> Sequence[Permission]:
    if call.operation == "CreateBucket" and (call.params.get("CreateBucketConfiguration") or {}).get("Tags"):
        return [Permission("s3:TagResource", _BUCKET.format(bucket))]
    return []


def _object_extras(call: Call, resource: str) -> Sequence[Permission]:
    if call.operation not in {"PutObject", "CopyObject", "CreateMultipartUpload"}:
        return []
    wanted = (("Tagging", "s3:PutObjectTagging"), ("ACL", "s3:PutObjectAcl"))
    return [Permission(action, resource) for parameter, action in wanted if call.params.get(parameter)]


def _source(call: Call) -> Sequence[Permission]:
    source = call.params.get("CopySource")
    if not source:
        return []
    if isinstance(source, dict):
        path = f"{source.get('Bucket')}/{source.get('Key')}"
    else:
        path = unquote(str(source)).lstrip("/").partition("?versionId=")[0]
    return [Permission("s3:GetObject", _BUCKET.format(path))]
