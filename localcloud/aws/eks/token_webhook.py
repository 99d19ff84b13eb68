"""The webhook to which a cluster's API server sends EKS tokens for review.

A token is `k8s-aws-v1.` and, in base64url, a presigned GetCallerIdentity URL whose signature covers the header
`x-k8s-aws-id`, the cluster's name.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from localcloud.aws.eks.access import groups_of
from localcloud.aws.eks.store import Store
from localcloud.aws.iam.authentication import Authenticator
from localcloud.aws.iam.credentials import Principal
from localcloud.aws.protocol.exchange import HttpRequest, HttpResponse
from localcloud.aws.protocol.gateway import json_response
from localcloud.aws.protocol.wire import AwsError

PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"
_SECONDS = re.compile(r"[0-9]{1,3}")
_LONGEST_SECONDS = 900


class TokenWebhook:
    """Answers TokenReviews: `POST /_localcloud/eks/<cluster>/token-review`."""

    def __init__(self, store: Store, authenticator: Authenticator) -> None:
        self._store = store
        self._authenticator = authenticator

    def __call__(self, request: HttpRequest) -> HttpResponse:
        parts = request.raw_path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 4 or parts[3] != "token-review":
            return json_response(404, {"message": "POST /_localcloud/eks/<cluster>/token-review"})
        try:
            review = json.loads(request.body)
            token = str(review["spec"]["token"])
        except (ValueError, KeyError, TypeError):
            return json_response(400, {"message": "The body is not a TokenReview."})
        answer = {
            "apiVersion": review.get("apiVersion", "authentication.k8s.io/v1"),
            "kind": "TokenReview",
            "status": self._status(parts[2], token),
        }
        return json_response(200, answer)

    def _status(self, cluster_name: str, token: str) -> Mapping[str, Any]:
        try:
            principal = self.principal(cluster_name, token)
            with self._store.lock:
                groups = groups_of(self._store.cluster(cluster_name), principal.identity_arn)
        except AwsError as error:
            return {"authenticated": False, "error": error.message}
        if groups is None:
            return {"authenticated": False, "error": f"{principal.identity_arn} has no access entry in {cluster_name}."}
        user = {
            "username": principal.arn,
            "uid": f"aws-iam-authenticator:{principal.account_id}:{principal.user_id.partition(':')[0]}",
            "groups": list(groups),
            "extra": {"arn": [principal.arn], "canonicalArn": [principal.identity_arn]},
        }
        return {"authenticated": True, "user": user}

    def principal(self, cluster_name: str, token: str) -> Principal:
        """Return the principal that made a token for a cluster.

        Raises:
            AwsError: the token is not valid for this cluster.
        """
        url = _url(token)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if query.get("Action") != "GetCallerIdentity":
            raise _bad("it is not a presigned GetCallerIdentity URL")
        if _HEADER not in query.get("X-Amz-SignedHeaders", "").lower().split(";"):
            raise _bad(f"its signature does not cover {_HEADER}")
        seconds = query.get("X-Amz-Expires", "60")
        if not _SECONDS.fullmatch(seconds) or int(seconds) > _LONGEST_SECONDS:
            raise _bad(f"it lives longer than {_LONGEST_SECONDS} seconds")
        headers = {"host": url.netloc, _HEADER: cluster_name}
        request = HttpRequest("GET", url.path or "/", url.query, headers, b"", {})
        return self._authenticator.verify_url(request)


def _url(token: str) -> SplitResult:
    if not token.startswith(PREFIX):
        raise _bad(f"it does not begin with {PREFIX}")
    encoded = token.removeprefix(PREFIX)
    try:
        return urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except ValueError:
        raise _bad("it is not a URL in base64url") from None


def _bad(reason: str) -> AwsError:
    return AwsError("InvalidToken", f"The EKS token is not valid: {reason}.", 401)
