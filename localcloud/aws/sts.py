"""AWS STS: who am I, and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.aws.wire import Call, Operation


def operations() -> Mapping[str, Operation]:
    return {"GetCallerIdentity": get_caller_identity}


def get_caller_identity(call: Call) -> Mapping[str, Any]:
    principal = call.principal
    return {"UserId": principal.user_id, "Account": principal.account_id, "Arn": principal.arn}
