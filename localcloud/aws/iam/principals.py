"""Principals: who a request acts as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Principal:
    """An authenticated identity of the local account.

    Attributes:
        arn: as GetCallerIdentity answers it, e.g. `arn:aws:sts::123456789012:assumed-role/name/session`.
        user_id: unique id, as GetCallerIdentity answers it.
        identity_arn: the IAM entity whose policies apply: the role of a session, the user, or the account's root.
        session_tags: tags of the session, context keys `aws:PrincipalTag/...`.
        session_policy: a policy passed to AssumeRole, which narrows the role's.
    """

    arn: str
    user_id: str
    account_id: str
    identity_arn: str
    session_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    session_policy: str | None = None

    @property
    def is_root(self) -> bool:
        return self.identity_arn == f"arn:aws:iam::{self.account_id}:root"

    @property
    def is_anonymous(self) -> bool:
        return not self.arn


def root(account_id: str) -> Principal:
    """The account's root: the local administrator."""
    arn = f"arn:aws:iam::{account_id}:root"
    return Principal(arn=arn, user_id=account_id, account_id=account_id, identity_arn=arn)


ANONYMOUS = Principal(arn="", user_id="", account_id="", identity_arn="")
