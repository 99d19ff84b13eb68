"""Amazon S3 where moto falls short of it: defaults of new buckets, checksums, bucket policies, what a denial hides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any, cast

from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.documents import policy
from localcloud.aws.iam.needs.model import Need
from localcloud.aws.protocol import wire
from localcloud.aws.protocol.errors import AccessDeniedError, AwsError
from localcloud.aws.protocol.exchange import HttpRequest, HttpResponse
from localcloud.aws.protocol.wire import Call
from localcloud.aws.s3 import checksums

Guard = Callable[[Call], None]
Amendment = Callable[[Call, HttpResponse], HttpResponse]
_DEFAULT_ENCRYPTION = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
}


class Buckets:
    """moto's buckets of the local account."""

    def __init__(self, account_id: str, lock: RLock) -> None:
        self._account_id = account_id
        self._lock = lock

    def find(self, name: str) -> Any:
        with self._lock:
            return self._backend().buckets.get(name)

    def delete(self, name: str, entries: Sequence[Mapping[str, str]], *, bypass: bool) -> tuple[list[Any], list[str]]:
        """Delete objects; what was deleted (key, version, delete marker), and the keys that a lock protects."""
        with self._lock:
            return self._backend().delete_objects(name, list(entries), bypass)

    def knows_token(self, token: str) -> bool:
        """Whether a listing of objects has given out this token."""
        with self._lock:
            return token in self._backend()._pagination_tokens  # noqa: SLF001  moto fails at one it does not know

    def policy_text(self, name: str) -> str | None:
        bucket = self.find(name)
        if bucket is None or bucket.policy is None:
            return None
        return bucket.policy.decode() if isinstance(bucket.policy, bytes) else str(bucket.policy)

    def _backend(self) -> Any:
        from moto.s3.models import s3_backends  # noqa: PLC0415  loaded by the prewarm, not at start

        return cast("Any", s3_backends[self._account_id]["aws"])


class S3:
    """Guards and amendments of S3."""

    def __init__(self, buckets: Buckets, authorizer: Authorizer) -> None:
        self._buckets = buckets
        self._authorizer = authorizer

    def guards(self) -> Mapping[str, Guard]:
        return {
            "PutObject": _check_upload,
            "UploadPart": _check_upload,
            "ListObjectsV2": self._check_token,
            "PutBucketPolicy": self._check_policy,
            "CreateBucket": self._check_creation,
        }

    def amendments(self) -> Mapping[str, Amendment]:
        return {"CreateBucket": self._set_defaults, "DeleteBucketEncryption": self._reset_encryption}

    def rewrites(self) -> Mapping[str, Callable[[Call], HttpRequest]]:
        return dict.fromkeys(("PutObject", "UploadPart"), _name_algorithm)

    def failures(self) -> Mapping[str, Amendment]:
        return {"GetObject": self._hide_missing, "HeadObject": self._hide_missing}

    def _check_creation(self, call: Call) -> None:
        constraint = (call.params.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
        if constraint == "us-east-1":
            raise AwsError("InvalidLocationConstraint", "The specified location-constraint is not valid")
        if self._buckets.find(str(call.params["Bucket"])) is not None and call.region != "us-east-1":
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise AwsError("BucketAlreadyOwnedByYou", message, 409)

    def _set_defaults(self, call: Call, response: HttpResponse) -> HttpResponse:
        """What every bucket has had from the start since 2023."""
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
        resource = f"arn:aws:s3:::{name}"
        try:
            document = policy(f"bucket/{name}", text)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AwsError(
                "MalformedPolicy", f"Policies must be valid JSON with Effect, Action, Resource: {error}"
            ) from error
        for statement in document.statements:
            if statement.principals is None and statement.not_principals is None:
                raise AwsError("MalformedPolicy", "Missing required field Principal")
            if not all(_within(arn, resource) for arn in (*statement.resources, *statement.not_resources)):
                raise AwsError("MalformedPolicy", "Policy has invalid resource")
        bucket = self._buckets.find(name)
        blocked = bucket is not None and bucket.public_access_block and bucket.public_access_block.block_public_policy
        if blocked and any(_is_public(json.loads(text)) for _ in (0,)):
            raise AccessDeniedError(
                f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                f'"{resource}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block '
                "Public Access."
            )

    def _hide_missing(self, call: Call, response: HttpResponse) -> HttpResponse:
        """Who may not list a bucket is not told that a key is missing."""
        if response.status != 404:
            return response
        listing = Need("s3:ListBucket", f"arn:aws:s3:::{call.params['Bucket']}")
        if self._authorizer.permits(call, listing):
            return response
        message = (
            f"User: {call.principal.arn} is not authorized to perform: s3:ListBucket on resource: "
            f'"{listing.resource}" because no identity-based policy allows the s3:ListBucket action'
        )
        return wire.error_response(call.request, call.service, call.operation, AccessDeniedError(message))


def _check_upload(call: Call) -> None:
    checksums.check(call.request.headers, call.request.body)


def _name_algorithm(call: Call) -> HttpRequest:
    """S3 knows a checksum by its header; moto wants the algorithm named besides."""
    headers = call.request.headers
    names = [name.rpartition("-")[2].upper() for name in headers if name in checksums.HEADERS]
    if not names or "x-amz-sdk-checksum-algorithm" in headers:
        return call.request
    return replace(call.request, headers={**headers, "x-amz-sdk-checksum-algorithm": names[0]})


def _within(arn: str, bucket_arn: str) -> bool:
    return arn == bucket_arn or arn.startswith(bucket_arn + "/") or arn in {"*", bucket_arn + "*"}


def _is_public(document: Mapping[str, Any]) -> bool:
    """Whether some statement allows everyone something without a condition."""
    statements = document["Statement"]
    rows: list[Mapping[str, Any]] = statements if isinstance(statements, list) else [statements]
    return any(
        row.get("Effect") == "Allow"
        and not row.get("Condition")
        and row.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        for row in rows
    )
