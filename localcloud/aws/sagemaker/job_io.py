"""What a job reads and writes with the keys of its execution role: objects in S3 and logs in CloudWatch."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.batch_transform.errors import StorageError
from localcloud.batch_transform.job import stamped
from localcloud.batch_transform.objects import ObjectInfo

PART_BYTES = 8 * 2**20
GROUP = "/aws/sagemaker/TransformJobs"
_REFUSALS = (BotoCoreError, ClientError, OSError)
_FLUSH_SECONDS = 0.25
# Within the limits of PutLogEvents, which counts 26 bytes more for each event.
_BATCH_EVENTS = 5000
_BATCH_BYTES = 900_000
_EVENT_BYTES = 250_000
_EVENT_OVERHEAD_BYTES = 26


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
    """Writes objects: small ones with one request, larger ones as multipart uploads, which are completed at the very end.

    Args:
        client: an S3 client with the execution role's keys.
        kms_key_id: the key that encrypts the objects; None is S3's default.
    """

    def __init__(self, client: Any, kms_key_id: str | None = None) -> None:
        self._client = client
        self._settings = {"ContentType": "application/octet-stream"}
        if kms_key_id:
            self._settings |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}

    def create(self, bucket: str, key: str) -> S3Writer:
        return S3Writer(self._client, bucket, key, self._settings)


class S3Writer:
    """One object that is being written."""

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


class CloudWatchJobLogs:
    """A job's log lines in CloudWatch: a stream for the container and a data log for each instance.

    It takes lines from any thread and writes them in the background. Lines that CloudWatch refuses are dropped, as on AWS.

    Args:
        client: a CloudWatch Logs client with the execution role's keys.
        job_name: the first part of the streams' names.
        instances: how many instances the job has.
    """

    def __init__(self, client: Any, job_name: str, instances: int) -> None:
        self._client = client
        epoch = int(time.time())
        self._streams = [f"{job_name}/i-{secrets.token_hex(9)[:17]}-{epoch}" for _ in range(instances)]
        self._lock = threading.Lock()
        self._lines: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self._made: set[str] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write_behind, name="logs", daemon=True)
        self._thread.start()

    def container(self, instance: int, name: str, line: bytes, /) -> None:
        stream = self._streams[instance]
        self._add(f"{stream}/{name}" if name else stream, line.decode("utf-8", "replace"))

    def data(self, instance: int, line: str, /) -> None:
        self._add(f"{self._streams[instance]}/data-log", stamped(line))

    def close(self) -> None:
        """Write the remaining lines and end."""
        self._closed.set()
        self._thread.join()

    def _add(self, stream: str, line: str) -> None:
        data = line.rstrip("\r\n").encode("utf-8", "replace")
        text = data[:_EVENT_BYTES].decode("utf-8", "ignore") or " "  # CloudWatch refuses an empty message
        with self._lock:
            self._lines[stream].append((time.time_ns() // 1_000_000, text))

    def _write_behind(self) -> None:
        while not self._closed.wait(_FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            taken, self._lines = self._lines, defaultdict(list)
        for stream, lines in taken.items():
            with suppress(ClientError, BotoCoreError):
                self._write(stream, lines)

    def _write(self, stream: str, lines: list[tuple[int, str]]) -> None:
        if stream not in self._made:
            self._make(stream)
        for batch in _batches(lines):
            events = [{"timestamp": moment, "message": text} for moment, text in batch]
            self._client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)

    def _make(self, stream: str) -> None:
        """Create the stream, and the group if it is missing."""
        self._made.add(stream)
        try:
            self._make_stream(stream)
        except self._client.exceptions.ResourceNotFoundException:
            with suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=GROUP)
            self._make_stream(stream)

    def _make_stream(self, stream: str) -> None:
        with suppress(self._client.exceptions.ResourceAlreadyExistsException):
            self._client.create_log_stream(logGroupName=GROUP, logStreamName=stream)


def _batches(lines: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Return the lines in batches for PutLogEvents."""
    batches: list[list[tuple[int, str]]] = []
    room = 0
    for line in lines:
        size = len(line[1].encode()) + _EVENT_OVERHEAD_BYTES
        if not batches or size > room or len(batches[-1]) == _BATCH_EVENTS:
            batches.append([])
            room = _BATCH_BYTES
        batches[-1].append(line)
        room -= size
    return batches
