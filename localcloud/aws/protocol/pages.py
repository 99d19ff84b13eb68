"""Tokens of pages, where they are the number of what came before; any other is the caller's mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from localcloud.aws.protocol.errors import AwsError
from localcloud.aws.protocol.wire import Call

FOREIGN_TOKEN = "Invalid token: it is not from an earlier answer of this operation."  # noqa: S105  a text, no secret
_TOKEN = re.compile(r"[0-9]{1,9}")
# What moto takes for a number; the other listings of IAM it gives whole.
_IAM_LISTINGS = (
    "ListRoles",
    "ListPolicies",
    "ListAttachedRolePolicies",
    "ListAttachedGroupPolicies",
    "ListAttachedUserPolicies",
    "ListRoleTags",
    "ListPolicyTags",
    "ListOpenIDConnectProviderTags",
    "ListVirtualMFADevices",
)


def start(token: str | None, refusal: AwsError) -> int:
    """Where a page starts.

    Raises:
        AwsError: the refusal, where the token is none of ours.
    """
    if not token:
        return 0
    if not _TOKEN.fullmatch(token):
        raise refusal
    return int(token)


def iam_guards() -> Mapping[str, Callable[[Call], None]]:
    return dict.fromkeys(_IAM_LISTINGS, _check_marker)


def _check_marker(call: Call) -> None:
    start(call.params.get("Marker"), AwsError("ValidationError", "Invalid Marker."))
