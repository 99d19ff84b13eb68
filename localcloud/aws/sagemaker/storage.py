"""S3 as source and sink of the data plane, with the execution role's permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.batch_transform.errors import StorageError
from localcloud.batch_transform.streams import ObjectInfo

PART_BYTES = 8 * 2**20
_REFUSALS = (BotoCoreError, ClientError, OSError)


class S3Source:
    """Reads objects as streams."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield ObjectInfo(bucket, item["Key"], item["Size"])
        except _REFUSALS as error:
            raise StorageError(f"Cannot list s3://{bucket}/{prefix}: {error}") from error

    def open(self, bucket: str, key: str) -> S3Reader:
        place = f"s3://{bucket}/{key}"
        try:
            return S3Reader(place, self._client.get_object(Bucket=bucket, Key=key)["Body"])
        except _REFUSALS as error:
            raise StorageError(f"Cannot read {place}: {error}") from error


class S3Reader:
    """One object's bytes."""

    def __init__(self, place: str, body: Any) -> None:
        self._place = place
        self._body = body

    def read(self, size: int, /) -> bytes:
        try:
            return self._body.read(size)
        except _REFUSALS as error:
            raise StorageError(f"Reading {self._place} broke off: {error}") from error

    def close(self) -> None:
        self._body.close()


class S3Sink:
    """Writes objects: small ones with one request, larger ones as multipart uploads completed at the very end.

    Args:
        client: an S3 client with the execution role's permissions.
        kms_key_id: the key that encrypts them; None is S3's default.
    """

    def __init__(self, client: Any, kms_key_id: str | None = None) -> None:
        self._client = client
        self._settings = {"ContentType": "application/octet-stream"}
        if kms_key_id:
            self._settings |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}

    def create(self, bucket: str, key: str) -> S3Writer:
        return S3Writer(self._client, bucket, key, self._settings)


class S3Writer:
    """One object in the making."""

    def __init__(self, client: Any, bucket: str, key: str, settings: dict[str, str]) -> None:
        self._client = client
        self._place = {"Bucket": bucket, "Key": key}
        self._settings = settings
        self._pending: list[bytes] = []
        self._size = 0
        self._upload: dict[str, str] | None = None
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes, /) -> None:
        self._pending.append(data)
        self._size += len(data)
        if self._size >= PART_BYTES:
            self._flush()

    def commit(self) -> None:
        if self._upload is None:
            self._call("put_object", Body=self._taken(), **self._settings)
            return
        if self._size:
            self._flush()
        self._call("complete_multipart_upload", MultipartUpload={"Parts": self._parts}, **self._upload)

    def abort(self) -> None:
        self._taken()
        if self._upload is not None:
            self._call("abort_multipart_upload", **self._upload)

    def _flush(self) -> None:
        if self._upload is None:
            started = self._call("create_multipart_upload", **self._settings)
            self._upload = {"UploadId": started["UploadId"]}
        number = len(self._parts) + 1
        part = self._call("upload_part", PartNumber=number, Body=self._taken(), **self._upload)
        self._parts.append({"PartNumber": number, "ETag": part["ETag"]})

    def _taken(self) -> bytes:
        data = b"".join(self._pending)
        self._pending, self._size = [], 0
        return data

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(**self._place, **arguments)
        except _REFUSALS as error:
            place = "s3://{Bucket}/{Key}".format(**self._place)
            raise StorageError(f"Cannot write {place}: {error}") from error
