"""Objects under an S3 URI: listings, digests, contents.

A thin typed layer over boto3, which finds region, credentials and endpoint as the aws command does. An error is one line
that says what to do.
"""

import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lookups import error_code


class S3Error(Exception):
    """S3 could not be asked, or refused."""


class MissingError(S3Error):
    """There is no object of this key."""


class TooLargeError(S3Error):
    """The object has more bytes than were asked for."""


@dataclass(frozen=True, order=True)
class S3Object:
    """One object as a listing shows it."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True)
class Location:
    """The parts of an S3 URI."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "Location":
        """Parse `s3://bucket/key`; an empty key is the whole bucket."""
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise S3Error(f"'{uri}' is not an S3 URI; it must look like s3://bucket/prefix.")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def connect() -> Any:
    """Return a client for many requests: creating one takes longer than a request."""
    try:
        return boto3.client("s3")
    except BotoCoreError as error:
        raise S3Error(f"S3 cannot be reached: {error}") from error


def list_objects(uri: str, client: Any = None) -> list[S3Object]:
    """List every object whose key starts with the URI's, in the order of keys; slashes mean nothing special."""
    with _asking(uri, "listed") as where:
        pages = (client or connect()).get_paginator("list_objects_v2").paginate(Bucket=where.bucket, Prefix=where.key)
        found = [item for page in pages for item in page.get("Contents", [])]
    return sorted(S3Object(item["Key"], item["ETag"].strip('"'), item["Size"]) for item in found)


def read(uri: str, client: Any = None, largest: int | None = None) -> bytes:
    """Return an object's content.

    Args:
        uri: its S3 URI.
        client: a boto3 client; created if omitted.
        largest: bytes that are read at most; None for any number.

    Raises:
        MissingError: there is no such object.
        TooLargeError: it has more bytes; none is read.
        S3Error: it cannot be read.
    """
    with _asking(uri, "read") as where:
        found = (client or connect()).get_object(Bucket=where.bucket, Key=where.key)
        if largest is None or found["ContentLength"] <= largest:
            return cast("bytes", found["Body"].read())
        found["Body"].close()
    raise TooLargeError(f"{uri} has {found['ContentLength']} bytes, more than {largest}")


def read_head(uri: str, size: int) -> bytes:
    """Return the first bytes of an object, or all of it if it has fewer.

    Raises:
        S3Error: it cannot be read, or is empty.
    """
    with _asking(uri, "read") as where:
        found = connect().get_object(Bucket=where.bucket, Key=where.key, Range=f"bytes=0-{size - 1}")
        return cast("bytes", found["Body"].read())


def exists(uri: str, client: Any = None) -> bool:
    """Say whether there is an object of this key or, if the URI ends with a slash, any object under it."""
    with _asking(uri, "looked up") as where:
        found = (client or connect()).list_objects_v2(Bucket=where.bucket, Prefix=where.key, MaxKeys=1)
    keys = [cast("str", item["Key"]) for item in found.get("Contents", [])]
    return bool(keys) if where.key.endswith("/") else where.key in keys


def listing_digest(objects: list[S3Object]) -> str:
    """Return one digest of keys, ETags and sizes: it changes whenever the input of a job does."""
    content = json.dumps([[item.key, item.etag, item.size] for item in objects])
    return hashlib.sha256(content.encode()).hexdigest()


@contextmanager
def _asking(uri: str, done: str) -> Generator[Location]:
    """Name the URI, and what was to be done with it, in every error of S3."""
    try:
        yield Location.parse(uri)
    except (ClientError, BotoCoreError) as error:
        kind = MissingError if error_code(error) == "NoSuchKey" else S3Error
        raise kind(f"{uri} cannot be {done}: {error}") from error
