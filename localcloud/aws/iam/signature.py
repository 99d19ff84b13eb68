"""Signature Version 4 on the server's side: reads a request's signature and computes the one it should have.

The computation is botocore's own signer. The second half of the module decodes aws-chunked bodies, in which SDKs
stream uploads with a signature for each chunk or a checksum at the end.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import parse_qsl, quote, unquote

from botocore.auth import EMPTY_SHA256_HASH as EMPTY_SHA256
from botocore.auth import UNSIGNED_PAYLOAD, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from localcloud.aws.protocol.exchange import HttpRequest
from localcloud.aws.protocol.wire import AwsError

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>\w+)"
)
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@dataclass(frozen=True)
class Signature:
    """The signature of a request.

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


def read(request: HttpRequest) -> Signature | None:
    """Return the signature of a request; None if the request is not signed.

    Raises:
        AwsError: the signature is not in the form of Signature Version 4.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _from_header(request, authorization)
    if "X-Amz-Signature=" in request.query or "X-Amz-Credential=" in request.query:
        return _from_query(request)
    return None


def compute(request: HttpRequest, signature: Signature, secret: str) -> str:
    """Return the signature that a request has if its sender knows the secret and nothing was changed on the way."""
    signer, signed = _signer(signature, secret), _signed_part(request, signature)
    return _sign(signer, signed, signer.string_to_sign(signed, signer.canonical_request(signed)))


def same(expected: str, given: str) -> bool:
    """Compare two secrets in a time that does not tell how much of the given one is right."""
    return hmac.compare_digest(expected.encode(), given.encode())  # it takes text only if it is ASCII


def _signer(signature: Signature, secret: str) -> SigV4Auth:
    kind = S3SigV4Auth if signature.service == "s3" else SigV4Auth  # S3 alone signs the path as it is sent
    signer = kind(Credentials(signature.access_key_id, secret), signature.service, signature.region)
    # botocore never signs some headers, e.g. User-Agent; other SDKs do, and the signature says which.
    signer.headers_to_sign = lambda request: _only(request.headers, signature.signed_headers)
    return signer


def _only(headers: HTTPHeaders, names: Sequence[str]) -> HTTPHeaders:
    chosen = HTTPHeaders()
    for name in names:
        chosen[name] = headers[name]
    return chosen


def _sign(signer: SigV4Auth, signed: AWSRequest, text: str) -> str:
    return cast("str", signer.signature(text, signed))


def _signed_part(request: HttpRequest, signature: Signature) -> AWSRequest:
    """Return the part of a request that a signature covers, in the form that botocore's signer takes."""
    headers = {name: request.headers.get(name, "") for name in signature.signed_headers}
    declared = request.headers.get("x-amz-content-sha256")
    if declared is None and signature.service == "s3" and signature.expires is not None:
        declared = UNSIGNED_PAYLOAD  # the sender of a presigned URL does not know the body
    if declared is not None:
        headers["x-amz-content-sha256"] = declared
    query = _canonical_query(request.query)
    url = f"http://{request.headers.get('host', '')}{request.raw_path}"
    signed = AWSRequest(request.method, f"{url}?{query}" if query else url, headers, request.body)
    signed.context["timestamp"] = signature.timestamp
    return signed


def _canonical_query(query: str) -> str:
    """Return the query as the sender signed it, however it was escaped on the way, without the signature itself."""
    pairs = (part.partition("=")[::2] for part in query.split("&") if part)
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in pairs if name != "X-Amz-Signature")


def _escaped(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _from_header(request: HttpRequest, authorization: str) -> Signature:
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise _incomplete("The Authorization header is not of Signature Version 4.")
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
        raise _incomplete(f"The presigned URL lacks a valid {error}.") from error


def _signature(
    credential: str, headers: str, value: str, *, timestamp: str, token: str | None, expires: int | None = None
) -> Signature:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise _incomplete(f"The credential scope {credential!r} is not KEY/DATE/REGION/SERVICE/aws4_request.")
    key, date, region, service, _ = parts
    return Signature(key, date, region, service, tuple(headers.split(";")), value, timestamp, expires, token)


def _incomplete(message: str) -> AwsError:
    return AwsError("IncompleteSignature", message, 403)


def is_chunked(request: HttpRequest) -> bool:
    return request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def decode(request: HttpRequest, signature: Signature, secret: str) -> HttpRequest:
    """Return a chunked request with its plain body; a checksum in the trailer becomes a header.

    Raises:
        AwsError: the chunks are cut short, or the signature of a chunk is wrong.
    """
    signed = request.headers["x-amz-content-sha256"].startswith(_SIGNED_CHUNKS)
    chunks: list[bytes] = []
    previous = signature.value
    position = 0
    while True:
        header, position = _line(request.body, position)
        size_text, _, extension = header.partition(b";")
        size = _size(size_text)
        data = request.body[position : position + size]
        if signed:
            previous = _check_chunk(signature, secret, previous, data, extension.partition(b"=")[2].decode("latin-1"))
        if size == 0:
            break
        if len(data) != size:
            raise AwsError("IncompleteBody", "The request body ended inside a chunk.")
        chunks.append(data)
        position += size + 2
    body = b"".join(chunks)
    declared = request.headers.get("x-amz-decoded-content-length")
    if declared is not None and declared != str(len(body)):
        raise AwsError("IncompleteBody", f"x-amz-decoded-content-length is {declared}, the body has {len(body)} bytes.")
    return replace(request, body=body, headers={**_plain_headers(request), **dict(_trailer(request.body, position))})


def _plain_headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers without those of the chunked encoding."""
    dropped = {
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "transfer-encoding",
        "content-length",
        "content-encoding",
    }
    headers = {name: value for name, value in request.headers.items() if name not in dropped}
    headers["x-amz-content-sha256"] = UNSIGNED_PAYLOAD
    encodings = [part.strip() for part in request.headers.get("content-encoding", "").split(",")]
    kept = ",".join(part for part in encodings if part and part != "aws-chunked")
    return {**headers, "content-encoding": kept} if kept else headers


def _check_chunk(signature: Signature, secret: str, previous: str, data: bytes, given: str) -> str:
    """Return the signature of a chunk, which the next chunk's signature covers in turn."""
    request = AWSRequest()
    request.context["timestamp"] = signature.timestamp
    digest = hashlib.sha256(data).hexdigest()
    text = f"AWS4-HMAC-SHA256-PAYLOAD\n{signature.timestamp}\n{signature.scope}\n{previous}\n{EMPTY_SHA256}\n{digest}"
    expected = _sign(_signer(signature, secret), request, text)
    if not same(expected, given):
        raise AwsError("SignatureDoesNotMatch", "The signature of a chunk of the body is wrong.", 403)
    return expected


def _trailer(body: bytes, position: int) -> Iterator[tuple[str, str]]:
    for line in body[position:].split(b"\r\n"):
        name, separator, value = line.decode("latin-1").partition(":")
        if separator and name.lower() != "x-amz-trailer-signature":
            yield name.strip().lower(), value.strip()


def _line(body: bytes, position: int) -> tuple[bytes, int]:
    end = body.find(b"\r\n", position)
    if end < 0:
        raise AwsError("IncompleteBody", "The request body ended inside a chunk header.")
    return body[position:end], end + 2


def _size(text: bytes) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise AwsError("InvalidRequest", "The request body is not in the aws-chunked encoding.") from None
