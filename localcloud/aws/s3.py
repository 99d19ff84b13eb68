"""Amazon S3 where moto falls short of it: defaults of new buckets, policies, checksums, deletion, missing keys."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from threading import RLock
from typing import Any

import google_crc32c

from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.credentials import Principal
from localcloud.aws.iam.documents import Policy, Statement, policy
from localcloud.aws.iam.permissions import Permission
from localcloud.aws.iam.permissions.s3 import deletion
from localcloud.aws.moto import backend
from localcloud.aws.protocol import wire
from localcloud.aws.protocol.exchange import HttpRequest, HttpResponse
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError, Call, Service

Entry = Mapping[str, str]
_LOCKED = "Access Denied because object protected by object lock."
_ARN = "arn:aws:s3:::"
_DEFAULT_ENCRYPTION = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
}

_CRC64NVME = 0x9A6C9329AC4BC9B5
# A CRC in Python does about 10 MB a second; the CRC64NVME of a larger body is not verified.
_CRC64NVME_LIMIT_BYTES = 8 * 2**20


class Buckets:
    """The buckets of the local account, which moto keeps."""

    def __init__(self, account_id: str, lock: RLock) -> None:
        self._account_id = account_id
        self._lock = lock

    def find(self, name: str) -> Any:
        with self._lock:
            return self._backend().buckets.get(name)

    def delete(self, name: str, entries: Sequence[Entry], *, bypass: bool) -> tuple[list[Any], list[str]]:
        """Delete objects.

        Args:
            name: the bucket.
            entries: the `Objects` of DeleteObjects.
            bypass: whether to delete objects that a lock in governance mode protects.

        Returns:
            What was deleted (key, version, delete marker), and the keys that a lock protects.
        """
        with self._lock:
            return self._backend().delete_objects(name, list(entries), bypass)

    def has_object(self, name: str, key: str) -> bool:
        with self._lock:
            return name in self._backend().buckets and self._backend().get_object(name, key) is not None

    def has_objects(self, name: str, prefix: str) -> bool:
        """Say whether a listing of a prefix would show an object."""
        with self._lock:
            bucket = self._backend().buckets.get(name)
            return bucket is not None and bool(self._backend().list_objects(bucket, prefix, None, None, 1)[0])

    def knows_token(self, token: str) -> bool:
        """Say whether this token comes from a listing of objects."""
        with self._lock:
            return token in self._backend()._pagination_tokens  # noqa: SLF001  moto fails at one it does not know

    def policy(self, name: str) -> Policy | None:
        """Return the policy of a bucket; None if there is no policy, or no such bucket."""
        bucket = self.find(name)
        if bucket is None or not bucket.policy:
            return None
        text = bucket.policy.decode() if isinstance(bucket.policy, bytes) else str(bucket.policy)
        return policy(f"bucket/{name}", text)

    def _backend(self) -> Any:
        return backend("s3", self._account_id)


class RoleAccess:
    """S3 for a service that acts with a role while it answers another principal's call.

    The role's permissions are checked first.
    """

    def __init__(self, buckets: Buckets, authorizer: Authorizer) -> None:
        self._buckets = buckets
        self._authorizer = authorizer

    def has_object(self, role: Principal, region: str, bucket: str, key: str) -> bool:
        """Say whether an object exists, as HeadObject does.

        Raises:
            AccessDeniedError: the role may not read the object, or may not know that it is missing.
        """
        self._authorizer.require(role, Permission("s3:GetObject", f"{_ARN}{bucket}/{key}"), region)
        if self._buckets.has_object(bucket, key):
            return True
        self._authorizer.require(role, Permission("s3:ListBucket", f"{_ARN}{bucket}"), region)
        return False

    def has_objects(self, role: Principal, region: str, bucket: str, prefix: str) -> bool:
        """Say whether there is an object with a prefix, as ListObjectsV2 does.

        Raises:
            AccessDeniedError: the role may not list the bucket.
        """
        keys = {"s3:prefix": (prefix,), "s3:max-keys": ("1",)}
        self._authorizer.require(role, Permission("s3:ListBucket", f"{_ARN}{bucket}", keys), region)
        return self._buckets.has_objects(bucket, prefix)


class S3:
    """What the endpoint adds to moto's S3: checks before an operation, and changes of requests and answers."""

    def __init__(self, buckets: Buckets, authorizer: Authorizer) -> None:
        self._buckets = buckets
        self._authorizer = authorizer

    def service(self) -> Service:
        return Service(
            native={"DeleteObjects": self._delete_objects},
            guards={
                "PutObject": check_declared,
                "UploadPart": check_declared,
                "ListObjectsV2": self._check_token,
                "PutBucketPolicy": self._check_policy,
            },
            rewrites=dict.fromkeys(("PutObject", "UploadPart"), _name_algorithm),
            amendments={"CreateBucket": self._set_defaults, "DeleteBucketEncryption": self._reset_encryption},
            failures=dict.fromkeys(("GetObject", "HeadObject"), self._hide_missing),
        )

    def _set_defaults(self, call: Call, response: HttpResponse) -> HttpResponse:
        """Set the encryption, access block and ownership that every new bucket has had since 2023."""
        from moto.s3.models import PublicAccessBlock  # noqa: PLC0415

        bucket = self._buckets.find(str(call.params["Bucket"]))
        if bucket is not None and bucket.encryption is None:
            bucket.encryption = dict(_DEFAULT_ENCRYPTION)
            bucket.public_access_block = PublicAccessBlock("true", "true", "true", "true")
            bucket.ownership_rule = bucket.ownership_rule or str(
                call.params.get("ObjectOwnership") or "BucketOwnerEnforced"
            )
        return response

    def _reset_encryption(self, call: Call, response: HttpResponse) -> HttpResponse:
        self._buckets.find(str(call.params["Bucket"])).encryption = dict(_DEFAULT_ENCRYPTION)
        return response

    def _check_token(self, call: Call) -> None:
        token = call.params.get("ContinuationToken")
        if token and not self._buckets.knows_token(str(token)):
            raise AwsError("InvalidArgument", "The continuation token provided is incorrect")

    def _check_policy(self, call: Call) -> None:
        name = str(call.params["Bucket"])
        text = str(call.params.get("Policy") or "")
        resource = f"{_ARN}{name}"
        try:
            document = policy(f"bucket/{name}", text)
        except ValueError as error:
            raise AwsError("MalformedPolicy", f"The bucket policy cannot be read: {error}") from error
        for statement in document.statements:
            _check_statement(statement, resource)
        bucket = self._buckets.find(name)
        blocked = bucket is not None and bucket.public_access_block and bucket.public_access_block.block_public_policy
        if blocked and _grants_everyone(text):
            raise AccessDeniedError(
                f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                f'"{resource}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block '
                "Public Access."
            )

    def _delete_objects(self, call: Call) -> Mapping[str, Any]:
        """Decide on each key by itself; the answer lists the refused keys beside the deleted ones."""
        check_declared(call)
        bucket, entries = str(call.params["Bucket"]), _entries(call)
        if self._buckets.find(bucket) is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        allowed: list[Entry] = []
        refused: list[Entry] = []
        for entry in entries:
            (allowed if self._permits(call, deletion(bucket, entry)) else refused).append(entry)
        bypass = bool(call.params.get("BypassGovernanceRetention"))
        deleted, locked = self._buckets.delete(bucket, allowed, bypass=bypass)
        errors = [_error(entry, "Access Denied") for entry in refused]
        errors += [_error({"Key": key}, _LOCKED) for key in locked]
        quiet = call.params["Delete"].get("Quiet")
        return {"Deleted": [] if quiet else [_deleted(*row) for row in deleted], "Errors": errors}

    def _hide_missing(self, call: Call, response: HttpResponse) -> HttpResponse:
        """Answer 403 for a missing key to a caller who may not list the bucket."""
        if response.status != 404:
            return response
        try:
            self._authorizer.check(call, Permission("s3:ListBucket", f"{_ARN}{call.params['Bucket']}"))
        except AccessDeniedError as error:
            return wire.error_response(call.request, call.service, call.operation, error)
        return response

    def _permits(self, call: Call, permission: Permission) -> bool:
        try:
            self._authorizer.check(call, permission)
        except AccessDeniedError:
            return False
        return True


def _name_algorithm(call: Call) -> HttpRequest:
    """Name the algorithm of a checksum: moto does not recognise it by the checksum's header, as S3 does."""
    headers = call.request.headers
    names = [name.rpartition("-")[2].upper() for name in headers if name in CHECKSUM_HEADERS]
    if not names or "x-amz-sdk-checksum-algorithm" in headers:
        return call.request
    return replace(call.request, headers={**headers, "x-amz-sdk-checksum-algorithm": names[0]})


def _check_statement(statement: Statement, bucket_arn: str) -> None:
    fields = {
        "Principal": statement.principals is not None or statement.not_principals is not None,
        "Action": statement.actions or statement.not_actions,
        "Resource": statement.resources or statement.not_resources,
    }
    for name, given in fields.items():
        if not given:
            raise AwsError("MalformedPolicy", f"Missing required field {name}")
    if not all(_within(arn, bucket_arn) for arn in (*statement.resources, *statement.not_resources)):
        raise AwsError("MalformedPolicy", "Policy has invalid resource")


def _within(arn: str, bucket_arn: str) -> bool:
    return arn == bucket_arn or arn.startswith(bucket_arn + "/") or arn in {"*", bucket_arn + "*"}


def _grants_everyone(policy_text: str) -> bool:
    from moto.s3.utils import bucket_policy_is_public  # noqa: PLC0415  loaded with moto's S3

    return bucket_policy_is_public(policy_text)


def _entries(call: Call) -> Sequence[Entry]:
    entries = (call.params.get("Delete") or {}).get("Objects")
    if not entries:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError("MalformedXML", message)
    return entries


def _error(entry: Entry, message: str) -> Mapping[str, str]:
    version = {"VersionId": entry["VersionId"]} if entry.get("VersionId") else {}
    return {"Key": entry["Key"], **version, "Code": "AccessDenied", "Message": message}


def _deleted(key: str, version: str | None, marker: str | None) -> Mapping[str, Any]:
    row: dict[str, Any] = {"Key": key}
    if version:
        row["VersionId"] = version
    if marker:
        row |= {"DeleteMarker": True, "DeleteMarkerVersionId": marker}
    return row


def check_declared(call: Call) -> None:
    """Compare Content-MD5 and the x-amz-checksum headers with a body.

    Raises:
        AwsError: BadDigest if they differ, InvalidDigest or InvalidRequest if one cannot be read.
    """
    headers, body = call.request.headers, call.request.body
    declared_md5 = headers.get("content-md5")
    if declared_md5 is not None:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        if len(_decoded(declared_md5)) != len(digest):
            raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if _decoded(declared_md5) != digest:
            raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    for name, compute in _ALGORITHMS.items():
        declared = headers.get(f"x-amz-checksum-{name}")
        if declared is None or (name == "crc64nvme" and len(body) > _CRC64NVME_LIMIT_BYTES):
            continue
        actual = compute(body)
        if len(_decoded(declared)) != len(actual):
            raise AwsError("InvalidRequest", f"Value for x-amz-checksum-{name} header is invalid.")
        if _decoded(declared) != actual:
            raise AwsError("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def crc64nvme(body: bytes) -> bytes:
    """Return a checksum that no library of ours computes."""
    table, mask = _crc64nvme_table(), 2**64 - 1
    value = mask
    for byte in body:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ mask).to_bytes(8, "big")


@cache
def _crc64nvme_table() -> tuple[int, ...]:
    rows: list[int] = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ _CRC64NVME if value & 1 else value >> 1
        rows.append(value)
    return tuple(rows)


_ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
    "crc32c": lambda body: google_crc32c.value(body).to_bytes(4, "big"),
    "crc64nvme": crc64nvme,
}
CHECKSUM_HEADERS = frozenset(f"x-amz-checksum-{name}" for name in _ALGORITHMS)
