"""Signatures, keys and sessions: the principal of a request."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import ACCOUNT, Endpoint, Keys, allow, document


def fetch(url: str, data: bytes | None = None, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data, {k.replace("_", "-"): v for k, v in headers.items()}, method=method)  # noqa: S310  our own endpoint
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_administrator_is_the_accounts_root(aws: Endpoint) -> None:
    who = aws.client("sts").get_caller_identity()
    assert (who["Arn"], who["Account"], who["UserId"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT)


def test_a_user_signs_with_its_own_key(aws: Endpoint) -> None:
    iam, name = aws.client("iam"), aws.name("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = Keys(key["AccessKeyId"], key["SecretAccessKey"])
    assert aws.client("sts", keys).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        aws.client("sts", keys).get_caller_identity()


def test_a_session_is_named_after_its_role(aws: Endpoint) -> None:
    role = aws.role({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    name = role.rpartition("/")[2]
    who = aws.client("sts", aws.assume(role)).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session"
    role_id = aws.client("iam").get_role(RoleName=name)["Role"]["RoleId"]
    assert who["UserId"] == f"{role_id}:session"


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        pytest.param("sts", "get_caller_identity", {}, "InvalidClientTokenId", id="sts"),
        pytest.param("iam", "list_roles", {}, "InvalidClientTokenId", id="iam"),
        pytest.param("s3", "list_buckets", {}, "InvalidAccessKeyId", id="s3"),
        pytest.param("ec2", "describe_vpcs", {}, "AuthFailure", id="ec2"),
        pytest.param("eks", "list_clusters", {}, "UnrecognizedClientException", id="eks"),
        pytest.param("sagemaker", "list_models", {}, "UnrecognizedClientException", id="sagemaker"),
    ],
)
@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "unknown"])
def test_a_key_that_was_not_issued_here_is_refused(
    aws: Endpoint, service: str, operation: str, arguments: dict[str, Any], code: str, key: str
) -> None:
    client = aws.client(service, Keys(key, "secret"))
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    real = key != "unknown"
    assert ("was not issued by the local cloud" in answer["Error"]["Message"]) is real
    if real:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        pytest.param("s3", "list_buckets", "SignatureDoesNotMatch", id="s3"),
        pytest.param("sts", "get_caller_identity", "SignatureDoesNotMatch", id="sts"),
        pytest.param("eks", "list_clusters", "InvalidSignatureException", id="eks"),
    ],
)
def test_a_wrong_secret_is_refused(aws: Endpoint, service: str, operation: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service, Keys(secret_access_key="wrong")), operation)()
    assert caught.value.response["Error"]["Code"] == code


def test_a_session_key_without_its_token_is_refused(aws: Endpoint) -> None:
    keys = aws.session()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        aws.client("sts", Keys(keys.access_key_id, keys.secret_access_key)).get_caller_identity()


@pytest.mark.parametrize("key", ["plain", "with space/a+b=c&d.csv", "ümläut/~!'()*.txt", "a//b"])
def test_every_key_can_be_signed(aws: Endpoint, key: str) -> None:
    bucket = aws.bucket({key: b"body"})
    assert aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"body"
    assert [row["Key"] for row in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_a_presigned_url_acts_as_its_signer(aws: Endpoint) -> None:
    bucket = aws.bucket({"in/a": b"yes", "out/a": b"no"})
    s3 = aws.client("s3", aws.session(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*")), signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "in/a"})
    assert fetch(url) == (200, b"yes")
    assert fetch(url.replace("in/a", "in/b"))[0] == 403
    assert fetch(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "out/a"}))[0] == 403
    upload = aws.client("s3", signature_version="s3v4").generate_presigned_url(
        "put_object", {"Bucket": bucket, "Key": "up"}
    )
    assert fetch(upload, b"body", "PUT")[0] == 200


def test_a_presigned_url_of_the_old_kind_is_refused(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    url = aws.client("s3", signature_version="s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
    assert fetch(url)[0] == 403


def test_a_presigned_url_expires(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x"})
    url = aws.client("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": bucket, "Key": "a"}
    )
    assert fetch(url.replace("X-Amz-Expires=3600", "X-Amz-Expires=0"))[0] == 400
    past = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y%m%dT%H%M%SZ")
    status, body = fetch(url.partition("X-Amz-Date=")[0] + f"X-Amz-Date={past}&" + url.partition("X-Amz-Date=")[2][17:])
    assert status == 403
    assert b"expired" in body


@pytest.mark.parametrize(
    ("token", "signature", "code"),
    [
        pytest.param({}, "ä", b"InvalidSignatureException", id="a signature"),
        pytest.param({"X_Amz_Security_Token": "ä"}, "a", b"UnrecognizedClientException", id="a session token"),
    ],
)
def test_credentials_outside_ascii_are_refused_in_the_protocol_of_the_service(
    aws: Endpoint, token: dict[str, str], signature: str, code: bytes
) -> None:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"LOCALCLOUDADMIN/{now[:8]}/us-east-1/sagemaker/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={signature}"
    headers = {"X_Amz_Date": now, "X_Amz_Target": "SageMaker.ListModels", "Authorization": authorization, **token}
    status, body = fetch(aws.url, b"{}", "POST", **headers)  # urllib's Content-Type is one that SageMaker does not know
    assert (status, code in body) == (403, True)


@pytest.mark.parametrize("path", ["/", "/some-bucket-that-is-not-there/key", "/clusters"])
def test_an_unsigned_request_gets_nothing(aws: Endpoint, path: str) -> None:
    assert fetch(aws.url + path)[0] in {403, 404}


def test_an_unsigned_api_call_is_refused(aws: Endpoint) -> None:
    assert fetch(aws.url, b"Action=ListRoles&Version=2010-05-08", "POST")[0] == 403


def test_a_role_that_does_not_trust_the_caller_cannot_be_assumed(aws: Endpoint) -> None:
    role = aws.role("sagemaker.amazonaws.com")
    with pytest.raises(ClientError) as caught:
        aws.assume(role)
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDenied"
    assert error["Message"].endswith(f"is not authorized to perform: sts:AssumeRole on resource: {role}")


def test_a_role_that_does_not_exist_cannot_be_assumed(aws: Endpoint) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.assume(f"arn:aws:iam::{ACCOUNT}:role/none")


def test_an_external_id_opens_a_role(aws: Endpoint) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret"}}
    role = aws.role({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Condition": condition})
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.assume(role)
    assert aws.assume(role, ExternalId="secret").session_token


def test_a_session_policy_narrows_a_role(aws: Endpoint) -> None:
    bucket = aws.bucket({"a": b"x", "b": b"y"})
    keys = aws.session(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"),
        Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a")),
    )
    s3 = aws.client("s3", keys)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="because no session policy allows the s3:GetObject action"):
        s3.get_object(Bucket=bucket, Key="b")


@pytest.mark.parametrize("text", ['{"Statement": ["x"]}', '{"Statement": {"Effect": "allow", "Action": "*"}}'])
def test_a_policy_that_cannot_be_read_is_refused_where_it_is_given(aws: Endpoint, text: str) -> None:
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument.*session policy"):
        aws.session(Policy=text)
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument.*trust policy"):
        aws.client("iam").create_role(RoleName=aws.name("role"), AssumeRolePolicyDocument=text)


def test_a_session_is_no_longer_than_its_role_allows(aws: Endpoint) -> None:
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        aws.session(DurationSeconds=7200)


def test_web_identity_is_not_available(aws: Endpoint) -> None:
    with pytest.raises(ClientError, match="not available in the local cloud"):
        aws.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", RoleSessionName="session", WebIdentityToken="token"
        )


def test_a_presigned_identity_can_be_fetched(aws: Endpoint) -> None:
    url = aws.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    status, body = fetch(url)
    assert status == 200
    assert f"arn:aws:iam::{ACCOUNT}:root".encode() in body
