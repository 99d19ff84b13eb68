"""The principals of the local account, and the access keys of the administrator, of IAM users and of sessions."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ADMIN_ACCESS_KEY_ID = "LOCALCLOUDADMIN"
ADMIN_SECRET_ACCESS_KEY = "localcloud"  # noqa: S105  a published dummy: it opens nothing but the local cloud
_ALPHABET = string.ascii_uppercase + "234567"  # of AWS's unique ids
_SECRET_ALPHABET = string.ascii_letters + string.digits + "/+"


@dataclass(frozen=True)
class Principal:
    """An authenticated identity of the local account.

    Attributes:
        arn: the ARN in GetCallerIdentity's answer, e.g. `arn:aws:sts::123456789012:assumed-role/name/session`.
        user_id: the unique id in GetCallerIdentity's answer.
        identity_arn: the IAM entity with the policies that apply: the role of a session, the user, or the account's root.
        session_tags: the tags of the session, for the condition keys `aws:PrincipalTag/...`.
        session_policy: a policy that was passed to AssumeRole and narrows the role's policies.
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
    """Return the account's root, who is the local administrator."""
    arn = f"arn:aws:iam::{account_id}:root"
    return Principal(arn=arn, user_id=account_id, account_id=account_id, identity_arn=arn)


ANONYMOUS = Principal(arn="", user_id="", account_id="", identity_arn="")


@dataclass(frozen=True)
class Credential:
    """An access key and its owner.

    Attributes:
        session_token: the token that must accompany a temporary key.
        expiration: when a temporary key expires.
    """

    access_key_id: str
    secret_access_key: str
    principal: Principal
    session_token: str | None = None
    expiration: datetime | None = None

    @property
    def expired(self) -> bool:
        return self.expiration is not None and self.expiration <= datetime.now(UTC)


class CredentialStore:
    """Knows every key that the local cloud has issued.

    Args:
        account_id: the local account.
        user_key: returns the key of an IAM user, which is in IAM's state.
    """

    def __init__(self, account_id: str, user_key: Callable[[str], Credential | None]) -> None:
        self._admin = Credential(ADMIN_ACCESS_KEY_ID, ADMIN_SECRET_ACCESS_KEY, root(account_id))
        self._user_key = user_key
        self._sessions: dict[str, Credential] = {}
        self._lock = threading.Lock()

    def find(self, access_key_id: str) -> Credential | None:
        if access_key_id == ADMIN_ACCESS_KEY_ID:
            return self._admin
        return self._sessions.get(access_key_id) or self._user_key(access_key_id)

    def issue(self, principal: Principal, duration: timedelta) -> Credential:
        """Issue a temporary key with which its holder acts as a principal."""
        credential = Credential(
            access_key_id="ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
            secret_access_key="".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40)),
            principal=principal,
            session_token="FwoLOCAL" + secrets.token_urlsafe(96),
            expiration=datetime.now(UTC).replace(microsecond=0) + duration,
        )
        with self._lock:
            self._forget_expired()
            self._sessions[credential.access_key_id] = credential
        return credential

    def _forget_expired(self) -> None:
        """Forget keys that expired a day ago. Newer ones are kept, because whoever uses one is told that it has expired."""
        limit = datetime.now(UTC) - timedelta(days=1)
        for key in [key for key, held in self._sessions.items() if held.expiration and held.expiration < limit]:
            del self._sessions[key]
