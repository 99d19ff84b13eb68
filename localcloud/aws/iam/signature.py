"""Signature Version 4: parsing a request's signature and computing the one it should have."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote

from botocore.utils import normalize_url_path

from localcloud.aws.protocol.exchange import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>\w+)"
)


class SignatureError(ValueError):
    """The signature's parts cannot be read."""


@dataclass(frozen=True)
class Signature:
    """The signature a request carries.

    Attributes:
        timestamp: `YYYYMMDDTHHMMSSZ`.
        expires: lifetime in seconds of a presigned URL; None for a signed header.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    expires: int | None = None
    token: str | None = None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def presigned(self) -> bool:
        return self.expires is not None


def read(request: HttpRequest) -> Signature | None:
    """The signature of a request; None when it has none.

    Raises:
        SignatureError: there is one, in a form that is not Signature Version 4's.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _from_header(request, authorization)
    if "X-Amz-Signature=" in request.query or "X-Amz-Credential=" in request.query:
        return _from_query(request)
    return None


def compute(request: HttpRequest, signature: Signature, secret: str) -> str:
    """The signature that this request has when it was signed with a secret and not changed since."""
    canonical = canonical_request(request, signature)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return sign(signature, secret, f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}")


def sign(signature: Signature, secret: str, string_to_sign: str) -> str:
    key = _signing_key(secret, signature.date, signature.region, signature.service)
    return hmac.new(key, string_to_sign.encode(), hashlib.sha256).hexdigest()


def canonical_request(request: HttpRequest, signature: Signature) -> str:
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.signed_headers
    )
    return "\n".join(
        (
            request.method,
            _canonical_path(request.raw_path, signature.service),
            _canonical_query(request.query),
            headers,
            ";".join(signature.signed_headers),
            payload_hash(request, signature),
        )
    )


def payload_hash(request: HttpRequest, signature: Signature) -> str:
    """The hash of the body as the signature covers it: declared by the client, or computed."""
    declared = request.headers.get("x-amz-content-sha256")
    if declared is not None:
        return declared
    if signature.presigned and signature.service == "s3":
        return UNSIGNED_PAYLOAD
    return hashlib.sha256(request.body).hexdigest() if request.body else EMPTY_SHA256


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_path(raw_path: str, service: str) -> str:
    if service == "s3":
        return raw_path  # S3 alone signs the path as it is sent
    return quote(normalize_url_path(raw_path), safe="/~")


def _canonical_query(query: str) -> str:
    parts = (part.partition("=") for part in query.split("&") if part)
    pairs = ((name, value) for name, _, value in parts)
    return "&".join(f"{name}={value}" for name, value in sorted(_encoded(pairs)) if name != "X-Amz-Signature")


def _encoded(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs)


def _from_header(request: HttpRequest, authorization: str) -> Signature:
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise SignatureError("The Authorization header is not of Signature Version 4.")
    return _signature(
        match["credential"],
        match["headers"],
        match["signature"],
        timestamp=request.headers.get("x-amz-date", ""),
        token=request.headers.get("x-amz-security-token"),
    )


def _from_query(request: HttpRequest) -> Signature:
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        return _signature(
            query["X-Amz-Credential"],
            query["X-Amz-SignedHeaders"],
            query["X-Amz-Signature"],
            timestamp=query["X-Amz-Date"],
            token=query.get("X-Amz-Security-Token"),
            expires=int(query.get("X-Amz-Expires", "3600")),
        )
    except (KeyError, ValueError) as error:
        raise SignatureError(f"The presigned URL lacks a valid {error}.") from error


def _signature(
    credential: str, headers: str, value: str, *, timestamp: str, token: str | None, expires: int | None = None
) -> Signature:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise SignatureError(f"The credential scope {credential!r} is not KEY/DATE/REGION/SERVICE/aws4_request.")
    key, date, region, service, _ = parts
    return Signature(key, date, region, service, tuple(headers.split(";")), value, timestamp, expires, token)
