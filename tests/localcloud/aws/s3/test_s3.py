"""The features of S3 in which the endpoint goes beyond moto."""

from __future__ import annotations

import base64
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.s3 import crc64nvme
from tests.localcloud.aws.endpoint import Endpoint, allow, document


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def test_a_new_bucket_has_the_defaults_of_today(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_encryption_cannot_be_taken_away(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]


def test_the_other_defaults_can_be_set_and_removed(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    s3.delete_public_access_block(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=bucket)
    rules = [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == rules


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"ContentMD5": encoded(hashlib.md5(b"other", usedforsecurity=False).digest())}, id="md5"),
        pytest.param({"ChecksumSHA256": encoded(hashlib.sha256(b"other").digest())}, id="sha256"),
        pytest.param({"ChecksumSHA1": encoded(hashlib.sha1(b"other", usedforsecurity=False).digest())}, id="sha1"),
        pytest.param({"ChecksumCRC32": encoded(zlib.crc32(b"other").to_bytes(4, "big"))}, id="crc32"),
        pytest.param({"ChecksumCRC32C": "uTja5A=="}, id="crc32c"),
        pytest.param({"ChecksumCRC64NVME": encoded(crc64nvme(b"other"))}, id="crc64nvme"),
    ],
)
def test_a_wrong_checksum_is_refused(aws: Endpoint, wrong: dict[str, str]) -> None:
    bucket = aws.bucket()
    with pytest.raises(ClientError, match="BadDigest"):
        aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"body", **wrong)


def test_a_right_checksum_is_accepted_and_shown(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    digest = encoded(hashlib.sha256(b"body").digest())
    s3.put_object(Bucket=bucket, Key="a", Body=b"body", ChecksumSHA256=digest)
    head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == digest


def test_the_crc64nvme_of_a_large_body_is_taken_on_trust(aws: Endpoint) -> None:
    bucket, body = aws.bucket(), b"x" * (8 * 1024 * 1024 + 1)
    aws.client("s3").put_object(Bucket=bucket, Key="a", Body=body, ChecksumCRC64NVME=encoded(crc64nvme(b"other")))


def test_the_published_check_value_of_crc64nvme_is_right() -> None:
    assert crc64nvme(b"123456789").hex() == "ae8b14860a799888"


def test_a_streamed_upload_with_a_trailing_checksum_arrives_whole(aws: Endpoint, tmp_path: Any) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    file = tmp_path / "body"
    file.write_bytes(bytes(range(256)) * 4096)
    with file.open("rb") as body:
        s3.put_object(Bucket=bucket, Key="a", Body=body, ChecksumAlgorithm="CRC32")
    got = s3.get_object(Bucket=bucket, Key="a")
    assert got["Body"].read() == file.read_bytes()
    assert "aws-chunked" not in got.get("ContentEncoding", "")


def test_an_upload_in_parts_arrives_whole(aws: Endpoint, tmp_path: Any) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    file = tmp_path / "body"
    file.write_bytes(b"x" * (9 * 1024 * 1024))
    s3.upload_file(str(file), bucket, "a")
    assert s3.head_object(Bucket=bucket, Key="a")["ContentLength"] == file.stat().st_size
    got = s3.get_object(Bucket=bucket, Key="a", Range="bytes=0-9")
    assert (got["Body"].read(), got["ContentRange"]) == (b"x" * 10, f"bytes 0-9/{file.stat().st_size}")


def test_a_lifecycle_is_stored(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    rules = [
        {"ID": "results", "Status": "Enabled", "Filter": {"Prefix": "output/"}, "Expiration": {"Days": 7}},
        {
            "ID": "rest",
            "Status": "Enabled",
            "Filter": {},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    stored = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [row["ID"] for row in stored] == ["results", "rest"]
    assert stored[0]["Expiration"] == {"Days": 7}


@pytest.mark.parametrize(
    ("region", "configuration", "code"),
    [
        pytest.param(
            "us-east-1", {"LocationConstraint": "us-east-1"}, "InvalidLocationConstraint", id="us-east-1 named"
        ),
        pytest.param("eu-west-1", None, "IllegalLocationConstraintException", id="elsewhere unnamed"),
    ],
)
def test_a_location_must_fit(aws: Endpoint, region: str, configuration: Any, code: str) -> None:
    more = {"CreateBucketConfiguration": configuration} if configuration else {}
    with pytest.raises(ClientError) as caught:
        aws.client("s3", region_name=region).create_bucket(Bucket=aws.name("located"), **more)
    assert caught.value.response["Error"]["Code"] == code


def test_the_first_region_has_no_location(aws: Endpoint) -> None:
    assert aws.client("s3").get_bucket_location(Bucket=aws.bucket())["LocationConstraint"] is None


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        pytest.param("{", "MalformedPolicy", id="no json"),
        pytest.param(
            document({**allow("s3:GetObject", "arn:aws:s3:::BUCKET/*", Principal="*"), "Effect": "allow"}),
            "MalformedPolicy",
            id="an effect in lower case",
        ),
        pytest.param(
            document({"Effect": "Deny", "Action": "s3:*", "Principal": "*"}), "MalformedPolicy", id="no resource"
        ),
        pytest.param(
            document({"Effect": "Deny", "Resource": "arn:aws:s3:::BUCKET/*", "Principal": "*"}),
            "MalformedPolicy",
            id="no action",
        ),
        pytest.param(document(allow("s3:GetObject", "arn:aws:s3:::BUCKET/*")), "MalformedPolicy", id="no principal"),
        pytest.param(
            document(allow("s3:GetObject", "arn:aws:s3:::another/*", Principal="*")), "MalformedPolicy", id="elsewhere"
        ),
        pytest.param(
            document(allow("s3:GetObject", "arn:aws:s3:::BUCKET/*", Principal="*")), "AccessDenied", id="public"
        ),
    ],
)
def test_a_bad_bucket_policy_is_refused(aws: Endpoint, policy: str, code: str) -> None:
    bucket = aws.bucket()
    with pytest.raises(ClientError, match=code):
        aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy.replace("BUCKET", bucket))


def test_a_full_bucket_stays(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket({"a": b"x"})
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)


def test_only_one_of_many_writers_is_first(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()

    def write(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="once", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(16))) == 1


def test_metadata_keeps_its_names(aws: Endpoint) -> None:
    s3, bucket, metadata = aws.client("s3"), aws.bucket(), {"with_underscore": "1", "with-dash": "2"}
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Metadata=metadata)
    assert s3.head_object(Bucket=bucket, Key="a")["Metadata"] == metadata


def test_several_objects_are_deleted_version_by_version(aws: Endpoint) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"a")["VersionId"]
    (marked,) = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})["Deleted"]
    assert marked == {"Key": "a", "DeleteMarker": True, "DeleteMarkerVersionId": marked["DeleteMarkerVersionId"]}
    both = [{"Key": "a", "VersionId": number} for number in (version, marked["DeleteMarkerVersionId"])]
    assert s3.delete_objects(Bucket=bucket, Delete={"Objects": both})["Deleted"] == both
    s3.delete_bucket(Bucket=bucket)


def test_a_key_that_is_not_there_counts_as_deleted(aws: Endpoint) -> None:
    answer = aws.client("s3").delete_objects(Bucket=aws.bucket(), Delete={"Objects": [{"Key": "none"}]})
    assert answer["Deleted"] == [{"Key": "none"}]


@pytest.mark.parametrize(
    ("bucket", "keys", "code"),
    [
        pytest.param("nobody-has-this-one", [{"Key": "a"}], "NoSuchBucket", id="no bucket"),
        pytest.param("nobody-has-this-one", [], "MalformedXML", id="no key"),
    ],
)
def test_deletions_that_name_nothing_are_refused(aws: Endpoint, bucket: str, keys: list[Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        aws.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": keys})


def test_several_objects_are_deleted_whatever_their_names(aws: Endpoint) -> None:
    names = [" a ", "ä&<>", "a+b%20c", "d/"]
    bucket = aws.bucket(dict.fromkeys(names, b""))
    answer = aws.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names]})
    assert [one["Key"] for one in answer["Deleted"]] == names
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=bucket)
