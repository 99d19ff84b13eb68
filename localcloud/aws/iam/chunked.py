"""The aws-chunked body encoding, in which SDKs stream uploads with a signature or a checksum at the end."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace

from localcloud.aws.iam import signature as sigv4
from localcloud.aws.iam.signature import Signature
from localcloud.aws.protocol.errors import AwsError
from localcloud.aws.protocol.exchange import HttpRequest

_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def is_chunked(request: HttpRequest) -> bool:
    return request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def decode(request: HttpRequest, signature: Signature, secret: str) -> HttpRequest:
    """The request with its plain body; a checksum in the trailer becomes a header.

    Raises:
        AwsError: the chunks are cut short, or a chunk's signature is wrong.
    """
    signed = request.headers["x-amz-content-sha256"].startswith(_SIGNED)
    chunks: list[bytes] = []
    previous = signature.value
    position = 0
    while True:
        header, position = _line(request.body, position)
        size_text, _, extension = header.partition(b";")
        size = _size(size_text)
        data = request.body[position : position + size]
        if signed:
            previous = _check(signature, secret, previous, data, extension.partition(b"=")[2].decode())
        if size == 0:
            break
        if len(data) != size:
            raise AwsError("IncompleteBody", "The request body ended inside a chunk.")
        chunks.append(data)
        position += size + 2
    body = b"".join(chunks)
    headers = {**_without_encoding(request), **dict(_trailer(request.body, position))}
    declared = request.headers.get("x-amz-decoded-content-length")
    if declared is not None and declared != str(len(body)):
        raise AwsError("IncompleteBody", f"x-amz-decoded-content-length is {declared}, the body has {len(body)} bytes.")
    return replace(request, body=body, headers=headers)


def _without_encoding(request: HttpRequest) -> dict[str, str]:
    dropped = {
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "transfer-encoding",
        "content-length",
        "content-encoding",
    }
    headers = {name: value for name, value in request.headers.items() if name not in dropped}
    headers["x-amz-content-sha256"] = sigv4.UNSIGNED_PAYLOAD
    encodings = [part.strip() for part in request.headers.get("content-encoding", "").split(",")]
    kept = ",".join(part for part in encodings if part and part != "aws-chunked")
    return {**headers, "content-encoding": kept} if kept else headers


def _check(signature: Signature, secret: str, previous: str, data: bytes, given: str) -> str:
    digest = hashlib.sha256(data).hexdigest()
    text = "\n".join(
        (sigv4.ALGORITHM + "-PAYLOAD", signature.timestamp, signature.scope, previous, sigv4.EMPTY_SHA256, digest)
    )
    expected = sigv4.sign(signature, secret, text)
    if not hmac.compare_digest(expected, given):
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
