"""Finds the principal that signed a request."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from localcloud.aws.iam import signature as sigv4
from localcloud.aws.iam.credentials import ANONYMOUS, Credential, CredentialStore, Principal
from localcloud.aws.iam.signature import Signature
from localcloud.aws.protocol.exchange import HttpRequest
from localcloud.aws.protocol.wire import AwsError

_SKEW = timedelta(minutes=15)
_LONGEST_PRESIGNED = timedelta(days=7)
# STS ignores X-Amz-Expires. `aws eks get-token` signs with 60 seconds, and its tokens live for 15 minutes:
# https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/token/token.go, at presignedURLExpiration.
_PRESIGNED_AT_STS = timedelta(minutes=15)
_LOOKS_REAL = re.compile(r"A(KIA|SIA)[A-Z0-9]{12,124}")
# The codes for an unknown key, a wrong signature and an expired token, in each family of protocols.
_CODES = {
    "s3": ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"),
    "query": ("InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"),
    "ec2": ("AuthFailure", "AuthFailure", "RequestExpired"),
    "json": ("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"),
}
_FAMILIES = {"s3": "s3", "sts": "query", "iam": "query", "ec2": "ec2", "cloudformation": "query"}


@dataclass(frozen=True)
class Scope:
    """The service and region of a request, from its credential scope; if it is not signed, the likely ones."""

    service: str
    region: str
    signature: Signature | None


class Authenticator:
    """Verifies signatures with the keys that the local cloud has issued."""

    def __init__(self, credentials: CredentialStore, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def scope(self, request: HttpRequest) -> Scope:
        """Return the service and region that a request is for.

        Raises:
            AwsError: the signature cannot be read.
        """
        signature = sigv4.read(request)
        if signature is not None:
            return Scope(signature.service, signature.region, signature)
        return Scope(_unsigned_service(request), self._region, None)

    def authenticate(self, request: HttpRequest, scope: Scope) -> tuple[Principal, HttpRequest]:
        """Return the principal that signed a request, and the request with its decoded body.

        Raises:
            AwsError: the key is unknown or expired, or the signature is wrong.
        """
        signature = scope.signature
        if signature is None:
            return _anonymous(scope), request
        credential = self._credential(signature)
        self._verify(request, signature, credential)
        if sigv4.is_chunked(request):
            request = sigv4.decode(request, signature, credential.secret_access_key)
        else:
            _check_declared_hash(request)
        return credential.principal, request

    def verify_url(self, request: HttpRequest) -> Principal:
        """Return the principal that presigned a request that did not come over HTTP, such as an EKS token.

        Raises:
            AwsError: it has no valid signature.
        """
        scope = self.scope(request)
        if scope.signature is None:
            raise _missing_token()
        return self.authenticate(request, scope)[0]

    def _verify(self, request: HttpRequest, signature: Signature, credential: Credential) -> None:
        unknown, mismatch, expired = _CODES[_FAMILIES.get(signature.service, "json")]
        status = _status(signature)
        if not sigv4.same(credential.session_token or "", signature.token or ""):
            raise AwsError(unknown, "The security token included in the request is invalid.", status)
        if credential.expired:
            raise AwsError(expired, "The security token included in the request is expired.", status)
        _check_time(signature, mismatch, status)
        if not sigv4.same(sigv4.compute(request, signature, credential.secret_access_key), signature.value):
            message = (
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method."
            )
            raise AwsError(mismatch, message, status)

    def _credential(self, signature: Signature) -> Credential:
        credential = self._credentials.find(signature.access_key_id)
        if credential is not None:
            return credential
        code = _CODES[_FAMILIES.get(signature.service, "json")][0]
        if _LOOKS_REAL.fullmatch(signature.access_key_id):
            shown = signature.access_key_id[:8] + "..."
            message = (
                f"The access key {shown} was not issued by the local cloud. If it belongs to a real AWS account, remove it "
                "from the environment: the local cloud accepts only its own keys (`make shell` sets them)."
            )
            raise AwsError(code, message, 403)
        raise AwsError(code, "The security token included in the request is invalid.", _status(signature))


def _status(signature: Signature) -> int:
    return 401 if signature.service == "ec2" else 403


def _anonymous(scope: Scope) -> Principal:
    if scope.service not in {"s3", "sts"}:
        raise _missing_token()
    return ANONYMOUS


def _missing_token() -> AwsError:
    return AwsError("MissingAuthenticationToken", "The request is not signed: Missing Authentication Token.", 403)


def _unsigned_service(request: HttpRequest) -> str:
    body = dict(parse_qsl(request.body.decode("latin-1"))) if len(request.body) < 65536 else {}
    if body.get("Action", "").startswith("AssumeRoleWith"):
        return "sts"
    if "x-amz-target" in request.headers or body.get("Action") or "Action=" in request.query:
        return "unsigned"
    return "s3"


def _check_time(signature: Signature, code: str, status: int) -> None:
    try:
        signed = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AwsError("IncompleteSignature", "The request has no valid X-Amz-Date.", 403) from None
    now = datetime.now(UTC)
    if signature.expires is not None:
        if not 0 < signature.expires <= _LONGEST_PRESIGNED.total_seconds():
            raise AwsError("AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds.")
        if now > signed + (_PRESIGNED_AT_STS if signature.service == "sts" else timedelta(seconds=signature.expires)):
            raise AwsError("AccessDenied", "Request has expired", 403)
    if signed > now + _SKEW or (signature.expires is None and signed < now - _SKEW):
        if signature.service == "s3":
            raise AwsError("RequestTimeTooSkewed", "The request's time and the current time differ too much.", 403)
        raise AwsError(code, f"Signature expired or not yet current: {signature.timestamp}.", status)


def _check_declared_hash(request: HttpRequest) -> None:
    declared = request.headers.get("x-amz-content-sha256", sigv4.UNSIGNED_PAYLOAD)
    if declared != sigv4.UNSIGNED_PAYLOAD and declared != hashlib.sha256(request.body).hexdigest():
        raise AwsError(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
