"""Signature Version 4 against the examples that AWS publishes for S3."""

from __future__ import annotations

import pytest

from localcloud.aws.iam import signature
from localcloud.aws.iam.signature import EMPTY_SHA256, Signature
from localcloud.aws.protocol.exchange import HttpRequest
from localcloud.aws.protocol.wire import AwsError

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SCOPE = f"{KEY}/20130524/us-east-1/s3/aws4_request"
HOST = "examplebucket.s3.amazonaws.com"
FIRST, SECOND, LAST = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


def request(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method, path, query, named, body, {})


def authorization(signed: str, value: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={signed},Signature={value}"


def read(asked: HttpRequest) -> Signature:
    found = signature.read(asked)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        pytest.param(
            request(
                "GET",
                "/test.txt",
                host=HOST,
                range="bytes=0-9",
                x_amz_content_sha256=EMPTY_SHA256,
                x_amz_date="20130524T000000Z",
                authorization=authorization(
                    "host;range;x-amz-content-sha256;x-amz-date",
                    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                ),
            ),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            id="get object",
        ),
        pytest.param(
            request(
                "GET",
                "/",
                "lifecycle",
                host=HOST,
                x_amz_content_sha256=EMPTY_SHA256,
                x_amz_date="20130524T000000Z",
                authorization=authorization(
                    "host;x-amz-content-sha256;x-amz-date",
                    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
                ),
            ),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            id="get bucket lifecycle",
        ),
        pytest.param(
            request(
                "GET",
                "/",
                "max-keys=2&prefix=J",
                host=HOST,
                x_amz_content_sha256=EMPTY_SHA256,
                x_amz_date="20130524T000000Z",
                authorization=authorization(
                    "host;x-amz-content-sha256;x-amz-date",
                    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
                ),
            ),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            id="list objects",
        ),
        pytest.param(
            request(
                "GET",
                "/test.txt",
                f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={SCOPE.replace('/', '%2F')}"
                "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
                host=HOST,
            ),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            id="presigned get",
        ),
    ],
)
def test_the_signature_is_the_published_one(asked: HttpRequest, value: str) -> None:
    found = read(asked)
    assert found.value == value
    assert signature.compute(asked, found, SECRET) == value


def upload(first: str = FIRST, size: int = 65536) -> HttpRequest:
    body = b"".join(
        (
            f"10000;chunk-signature={first}\r\n".encode() + b"a" * size + b"\r\n",
            f"400;chunk-signature={SECOND}\r\n".encode() + b"a" * 1024 + b"\r\n",
            f"0;chunk-signature={LAST}\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n".encode(),
        )
    )
    return request(
        "PUT",
        "/examplebucket/chunkObject.txt",
        body=body,
        host="s3.amazonaws.com",
        content_encoding="aws-chunked,gzip",
        content_length="66824",
        x_amz_content_sha256="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        x_amz_date="20130524T000000Z",
        x_amz_decoded_content_length="66560",
        x_amz_storage_class="REDUCED_REDUNDANCY",
        authorization=authorization(
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
            "x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
    )


def test_signed_chunks_are_checked_and_joined() -> None:
    asked = upload()
    plain = signature.decode(asked, read(asked), SECRET)
    assert plain.body == b"a" * 66560
    assert plain.headers["content-encoding"] == "gzip"
    assert plain.headers["x-amz-checksum-crc32"] == "AAAAAA=="
    assert "x-amz-decoded-content-length" not in plain.headers


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(upload(first="0" * 64), "SignatureDoesNotMatch", id="a wrong signature"),
        pytest.param(upload(size=100), "SignatureDoesNotMatch", id="other bytes"),
    ],
)
def test_bad_chunks_are_refused(asked: HttpRequest, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        signature.decode(asked, read(asked), SECRET)
    assert caught.value.code == code


@pytest.mark.parametrize("body", [b"", b"5\r\nab", b"zz\r\nab\r\n", b"2\r\nab\r\n"])
def test_cut_off_chunks_are_refused(body: bytes) -> None:
    asked = request("PUT", "/b/k", body=body, x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    held = Signature(KEY, "d", "r", "s3", ("host",), "v", "t")
    with pytest.raises(AwsError) as caught:
        signature.decode(asked, held, SECRET)
    assert caught.value.code in {"IncompleteBody", "InvalidRequest"}


@pytest.mark.parametrize(
    "text", ["AWS AKIA:signature", "AWS4-HMAC-SHA256 nonsense", authorization("host", "x").replace("/s3", "")]
)
def test_a_signature_of_another_version_is_refused(text: str) -> None:
    with pytest.raises(AwsError, match=r"not of Signature Version 4|credential scope"):
        signature.read(request("GET", "/", authorization=text))
