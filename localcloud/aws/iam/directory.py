"""IAM's entities as policy evaluation needs them, and the tags of resources, read from moto's state."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any, cast

from localcloud.aws.iam.credentials import Credential, Principal
from localcloud.aws.iam.documents import Keys, Policy, policy
from localcloud.aws.iam.evaluation import PolicySet
from localcloud.aws.moto import backend

Lookup = Callable[[str], Mapping[str, str]]
"""Returns the tags of a resource, by its ARN."""


@dataclass(frozen=True)
class Role:
    name: str
    arn: str
    role_id: str
    trust: Policy
    longest_session: int
    tags: Mapping[str, str]


class Directory:
    """Looks up roles, users and their policies."""

    def __init__(self, account_id: str, lock: RLock) -> None:
        self._account_id = account_id
        self._lock = lock

    def role(self, arn: str) -> Role | None:
        with self._lock:
            found = self._role(arn)
            if found is None:
                return None
            trust = found.assume_role_policy_document
            return Role(
                name=str(found.name),
                arn=str(found.arn),
                role_id=str(found.id),
                trust=policy(f"trust/{found.name}", trust if isinstance(trust, str) else json.dumps(trust)),
                longest_session=int(found.max_session_duration or 3600),
                tags=_tags(found.tags),
            )

    def policies(self, principal: Principal) -> PolicySet:
        """Return the identity-based policies, boundary and session policy of a principal."""
        if principal.is_root or principal.is_anonymous:
            return PolicySet()
        with self._lock:
            entity = self._entity(principal.identity_arn)
            if entity is None:
                return PolicySet(session=_session(principal))
            holders = [entity, *self._groups(principal.identity_arn, entity)]
            identity = [found for holder in holders for found in _held(holder)]
            boundary = self._managed(getattr(entity, "permissions_boundary_arn", None))
        return PolicySet(identity=identity, boundary=boundary, session=_session(principal))

    def user_credential(self, access_key_id: str) -> Credential | None:
        """Return an active key of an IAM user; None if it is not one."""
        with self._lock:
            for user in self._backend().users.values():
                for key in user.access_keys:
                    if key.access_key_id == access_key_id and key.status == "Active":
                        principal = Principal(user.arn, user.id, self._account_id, user.arn)
                        return Credential(access_key_id, key.secret_access_key, principal)
        return None

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a role, user or group, with its path; if IAM does not have the name, without a path."""
        with self._lock:
            known = getattr(self._backend(), f"{kind}s").values()
            found = next((one.arn for one in known if one.name == name), None)
        return found or f"arn:aws:iam::{self._account_id}:{kind}/{name}"

    def tags_of_role(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a role; no other entity has any here."""
        role = self.role(arn)
        return role.tags if role is not None else {}

    def _entity(self, arn: str) -> Any:
        if ":role/" in arn:
            return self._role(arn)
        return next((user for user in self._backend().users.values() if user.arn == arn), None)

    def _role(self, arn: str) -> Any:
        return next((role for role in self._backend().roles.values() if role.arn == arn), None)

    def _groups(self, arn: str, entity: Any) -> list[Any]:
        return cast("list[Any]", self._backend().get_groups_for_user(entity.name)) if ":user/" in arn else []

    def _managed(self, arn: str | None) -> Policy | None:
        found = self._backend().managed_policies.get(arn) if arn else None
        return None if found is None else policy(f"boundary/{arn}", _default_document(found))

    def _backend(self) -> Any:
        return backend("iam", self._account_id)


def _held(holder: Any) -> list[Policy]:
    inline = [policy(f"inline/{holder.name}/{name}", document) for name, document in holder.policies.items()]
    attached = [policy(f"managed/{arn}", _default_document(held)) for arn, held in holder.managed_policies.items()]
    return inline + attached


def _default_document(managed: Any) -> str:
    version = next(version for version in managed.versions if version.version_id == managed.default_version_id)
    return str(version.document)


def _session(principal: Principal) -> Policy | None:
    return policy("session", principal.session_policy) if principal.session_policy else None


def _tags(tags: Any) -> dict[str, str]:
    rows = cast("list[dict[str, str]]", list(tags.values()) if isinstance(tags, dict) else list(tags or []))
    return {row["Key"]: row["Value"] for row in rows}


class ResourceTags:
    """Finds the tags of a resource by its ARN.

    Attributes:
        lookups: by the service in the ARN; resources of other services have no tags here.
    """

    def __init__(self) -> None:
        self.lookups: dict[str, Lookup] = {}

    def keys(self, arn: str) -> Keys:
        """Return the tags as condition keys: `aws:ResourceTag/...` and the service's own."""
        parts = arn.split(":", 5)
        lookup = self.lookups.get(parts[2]) if len(parts) == 6 else None
        if lookup is None:
            return {}
        keys: Keys = {}
        for name, value in lookup(arn).items():
            keys[f"aws:resourcetag/{name.lower()}"] = keys[f"{parts[2]}:resourcetag/{name.lower()}"] = (value,)
        return keys
