"""An object of a bucket."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlencode, urlsplit

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.conversion import tag_list, tag_map
from localcloud.pulumi.aws.resource import Naming, ResourceType, Tags, Update, names
from localcloud.pulumi.aws.types.s3_bucket import delete_versions
from localcloud.pulumi.errors import Failure, InputsError
from localcloud.pulumi.wire import Asset, Properties

_GONE = ("NoSuchKey", "NoSuchBucket", "404")
_BODIES = ("source", "content", "contentBase64")
_HEADERS = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "metadata": "Metadata",
    "websiteRedirect": "WebsiteRedirectLocation",
    "storageClass": "StorageClass",
    "serverSideEncryption": "ServerSideEncryption",
    "kmsKeyId": "SSEKMSKeyId",
    "bucketKeyEnabled": "BucketKeyEnabled",
}
_CHECKSUMS = {
    "checksumCrc32": "ChecksumCRC32",
    "checksumCrc32c": "ChecksumCRC32C",
    "checksumCrc64nvme": "ChecksumCRC64NVME",
    "checksumSha1": "ChecksumSHA1",
    "checksumSha256": "ChecksumSHA256",
}


def _upload(cloud: Cloud, inputs: Properties) -> str:
    tags: Tags = inputs.get("tagsAll") or {}
    with _body(cloud.directory, inputs) as body:
        cloud.s3(
            "PutObject",
            Bucket=inputs["bucket"],
            Key=inputs["key"],
            Body=body,
            ACL=inputs.get("acl"),
            ChecksumAlgorithm=inputs.get("checksumAlgorithm"),
            Tagging=urlencode(tags) if tags else None,
            **{api: inputs[name] for name, api in _HEADERS.items() if name in inputs},
        )
    return f"{inputs['bucket']}/{inputs['key']}"


@contextmanager
def _body(directory: Path, inputs: Properties) -> Generator[IO[bytes] | bytes]:
    """The bytes to upload; a file is streamed."""
    if "content" in inputs:
        yield inputs["content"].encode()
    elif "contentBase64" in inputs:
        yield base64.b64decode(inputs["contentBase64"])
    elif isinstance(source := inputs.get("source"), Asset):
        if source.text is not None:
            yield source.text.encode()
        else:
            with _file(directory, source).open("rb") as stream:
                yield stream
    else:
        yield b""


def _file(directory: Path, source: Asset) -> Path:
    parts = urlsplit(source.uri or "")
    path = directory / Path(source.path or (unquote(parts.path) if parts.scheme == "file" else "")).expanduser()
    if source.path is None and parts.scheme != "file":
        reason = f"an asset at {source.uri} is not fetched by the local cloud: use a file or text"
        raise InputsError(f"source: {reason}", [Failure("source", reason)])
    if not path.is_file():
        raise InputsError(f"source: there is no file {path}", [Failure("source", f"there is no file {path}")])
    return path


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    bucket, _, key = identity.partition("/")
    found = absent_as_none(lambda: cloud.s3("HeadObject", Bucket=bucket, Key=key, ChecksumMode="ENABLED"), *_GONE)
    if found is None:
        return None
    tags = absent_as_none(lambda: cloud.s3("GetObjectTagging", Bucket=bucket, Key=key), *_GONE) or {"TagSet": []}
    return {
        **{name: found.get(api) or None for name, api in _HEADERS.items()},
        **{name: found.get(api, "") for name, api in _CHECKSUMS.items()},
        "bucket": bucket,
        "key": key,
        "arn": f"arn:aws:s3:::{bucket}/{key}",
        "etag": found["ETag"].strip('"'),
        "contentType": found.get("ContentType", ""),
        "serverSideEncryption": found.get("ServerSideEncryption", ""),
        "storageClass": found.get("StorageClass") or "STANDARD",
        "kmsKeyId": found.get("SSEKMSKeyId"),
        "bucketKeyEnabled": bool(found.get("BucketKeyEnabled")),
        "versionId": found.get("VersionId", ""),
        "tagsAll": tag_map(tags["TagSet"]),
    }


def _update(cloud: Cloud, update: Update) -> None:
    if update.changed - {"forceDestroy", "acl"}:
        _upload(cloud, update.new)
    elif "acl" in update.changed and "acl" in update.new:
        cloud.s3("PutObjectAcl", Bucket=update.new["bucket"], Key=update.new["key"], ACL=update.new["acl"])


def _tag(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    bucket, _, key = identity.partition("/")
    present = tag_map(cloud.s3("GetObjectTagging", Bucket=bucket, Key=key)["TagSet"])
    tags = {**{k: v for k, v in present.items() if k not in remove}, **add}
    if tags:
        cloud.s3("PutObjectTagging", Bucket=bucket, Key=key, Tagging={"TagSet": tag_list(tags)})
    else:
        cloud.s3("DeleteObjectTagging", Bucket=bucket, Key=key)


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    bucket, _, key = identity.partition("/")
    if known.get("versionId") not in {None, "", "null"}:
        ignore(lambda: delete_versions(cloud, bucket, key), *_GONE)
    else:
        ignore(lambda: cloud.s3("DeleteObject", Bucket=bucket, Key=key), *_GONE)


def _problems(inputs: Properties) -> dict[str, str]:
    given = [name for name in _BODIES if name in inputs]
    if len(given) > 1:
        return {given[1]: f"give only one of {', '.join(given)}"}
    text: Any = inputs.get("contentBase64")
    if isinstance(text, str):
        try:
            base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error) as e:
            return {"contentBase64": f"`contentBase64` is not base64: {e}"}
    return {}


_CONTENT_OUTPUTS = ("etag", "versionId", *_CHECKSUMS)

BUCKET_OBJECT = ResourceType(
    token="aws:s3/bucketObjectv2:BucketObjectv2",
    create=_upload,
    read=_read,
    update=_update,
    delete=_delete,
    tagger=_tag,
    replaces=names("bucket key"),
    defaults={"forceDestroy": False},
    unsupported=names("objectLockLegalHoldStatus objectLockMode objectLockRetainUntilDate overrideProvider"),
    naming=Naming("key", limit=1024, random=False),
    volatile=dict.fromkeys((*_BODIES, "sourceHash", "etag"), _CONTENT_OUTPUTS),
    validate=_problems,
)

TYPES = (BUCKET_OBJECT,)
