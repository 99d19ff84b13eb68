"""An object of a bucket."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlencode, urlsplit

from localcloud.pulumi.aws.api import Api
from localcloud.pulumi.aws.cloud import Cloud, absent_as_none, ignore
from localcloud.pulumi.aws.conversion import tag_list, tag_map
from localcloud.pulumi.aws.resource import Naming, Tags, Update
from localcloud.pulumi.aws.types.s3_bucket import delete_versions
from localcloud.pulumi.errors import Failure, InputsError
from localcloud.pulumi.wire import Asset, Properties, names

_BODIES = ("source", "content", "contentBase64")
_CHECKSUMS = ("checksumCrc32", "checksumCrc32c", "checksumCrc64nvme", "checksumSha1", "checksumSha256")
_API = Api(
    token="aws:s3/bucketObjectv2:BucketObjectv2",
    service="s3",
    calls=("PutObject", "HeadObject", "DeleteObject"),
    identity="bucket/key",
    gone=("NoSuchKey", "NoSuchBucket", "404"),
    names={"kmsKeyId": "SSEKMSKeyId", "websiteRedirect": "WebsiteRedirectLocation"},
)


def _upload(cloud: Cloud, inputs: Properties) -> str:
    tags: Tags = inputs.get("tagsAll") or {}
    with _body(cloud.directory, inputs) as body:
        return _API.create(cloud, inputs, Body=body, Tagging=urlencode(tags) if tags else None)


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
    found = _API.found(cloud, identity, {"checksumMode": "ENABLED"})
    if found is None:
        return None
    outputs = _API.outputs(cloud, identity, found)
    return {
        **outputs,
        "arn": f"arn:aws:s3:::{identity}",
        "etag": found["ETag"].strip('"'),
        "storageClass": found.get("StorageClass") or "STANDARD",
        "tagsAll": absent_as_none(lambda: _tags(cloud, identity), *_API.gone) or {},
    }


def _update(cloud: Cloud, update: Update) -> None:
    if update.changed - {"forceDestroy", "acl"}:
        _upload(cloud, update.new)
    elif "acl" in update.changed and "acl" in update.new:
        _API.ask(cloud, "PutObjectAcl", update.new)


def _tags(cloud: Cloud, identity: str) -> Tags:
    return tag_map(_API.ask(cloud, "GetObjectTagging", _API.keys(identity))["TagSet"])


def _tag(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    # S3 replaces all tags of an object at once.
    tags = {**{k: v for k, v in _tags(cloud, identity).items() if k not in remove}, **add}
    if tags:
        _API.ask(cloud, "PutObjectTagging", _API.keys(identity), Tagging={"TagSet": tag_list(tags)})
    else:
        _API.ask(cloud, "DeleteObjectTagging", _API.keys(identity))


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    if known.get("versionId") not in {None, "", "null"}:
        ignore(lambda: delete_versions(cloud, *identity.split("/", 1)), *_API.gone)
    else:
        _API.delete(cloud, identity, {})


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


BUCKET_OBJECT = _API.type(
    create=_upload,
    read=_read,
    update=_update,
    delete=_delete,
    tagger=_tag,
    replaces=names("bucket key"),
    defaults={"forceDestroy": False},
    unsupported=names("objectLockLegalHoldStatus objectLockMode objectLockRetainUntilDate overrideProvider"),
    naming=Naming("key", limit=1024, random=False),
    volatile=dict.fromkeys((*_BODIES, "sourceHash", "etag"), ("etag", "versionId", *_CHECKSUMS)),
    validate=_problems,
)

TYPES = (BUCKET_OBJECT,)
