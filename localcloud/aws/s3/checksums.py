"""Checksums of uploads: what a client declares is compared with what arrived."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from localcloud.aws.protocol.wire import AwsError

_CRC32C = 0x82F63B78
_CRC64NVME = 0x9A6C9329AC4BC9B5
# A table-driven CRC in Python does about 10 MB a second; beyond this the rarer CRCs are taken on trust.
_PYTHON_CRC_LIMIT = 8 * 1024 * 1024


def check(headers: Mapping[str, str], body: bytes) -> None:
    """Compare Content-MD5 and the x-amz-checksum headers with a body.

    Raises:
        AwsError: BadDigest where they differ, InvalidDigest or InvalidRequest where one cannot be read.
    """
    declared_md5 = headers.get("content-md5")
    if declared_md5 is not None:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        if len(_decoded(declared_md5)) != len(digest):
            raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if _decoded(declared_md5) != digest:
            raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    for name, compute in _ALGORITHMS.items():
        declared = headers.get(f"x-amz-checksum-{name}")
        if declared is None or (name in _SLOW and len(body) > _PYTHON_CRC_LIMIT):
            continue
        actual = compute(body)
        if len(_decoded(declared)) != len(actual):
            raise AwsError("InvalidRequest", f"Value for x-amz-checksum-{name} header is invalid.")
        if _decoded(declared) != actual:
            raise AwsError("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def crc32c(body: bytes) -> bytes:
    return _crc(body, _CRC32C, 32).to_bytes(4, "big")


def crc64nvme(body: bytes) -> bytes:
    return _crc(body, _CRC64NVME, 64).to_bytes(8, "big")


def _crc(body: bytes, polynomial: int, bits: int) -> int:
    table = _table(polynomial)
    mask = (1 << bits) - 1
    value = mask
    for byte in body:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ mask


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    rows: list[int] = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        rows.append(value)
    return tuple(rows)


_ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
    "crc32c": crc32c,
    "crc64nvme": crc64nvme,
}
_SLOW = {"crc32c", "crc64nvme"}
HEADERS = frozenset(f"x-amz-checksum-{name}" for name in _ALGORITHMS)
