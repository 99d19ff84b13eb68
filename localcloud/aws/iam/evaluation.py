"""AWS's policy evaluation logic for one account.

In order: an explicit deny anywhere decides; then a resource-based policy or an identity-based one must allow;
then a permissions boundary and a session policy, if there are any, must allow too. Everything else is denied.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html

We found no maintained evaluator that can be embedded, so this is a small one with what is needed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from localcloud.aws.iam.credentials import Principal
from localcloud.aws.iam.documents import Context, Policy, Statement, hold, matches, substitute

_SERVICE = "Service"


class Reason(Enum):
    """The reason for a decision, in AWS's words; `{action}` stands for the action."""

    ALLOWED = "allowed"
    IDENTITY_DENY = "with an explicit deny in an identity-based policy"
    RESOURCE_DENY = "with an explicit deny in a resource-based policy"
    BOUNDARY_DENY = "with an explicit deny in a permissions boundary"
    SESSION_DENY = "with an explicit deny in a session policy"
    NO_IDENTITY = "because no identity-based policy allows the {action} action"
    NO_RESOURCE = "because no resource-based policy allows the {action} action"
    NO_BOUNDARY = "because no permissions boundary allows the {action} action"
    NO_SESSION = "because no session policy allows the {action} action"


@dataclass(frozen=True)
class Request:
    """A question to the policies: may a principal perform an action on a resource?

    Attributes:
        context: the condition keys, in lower case.
        service: the AWS service that makes the request, if it is not a principal of the account.
    """

    action: str
    resource: str
    principal: Principal
    context: Context = field(default_factory=dict[str, tuple[str, ...]])
    service: str | None = None


@dataclass(frozen=True)
class PolicySet:
    """The policies that apply to a request."""

    identity: Sequence[Policy] = ()
    resource: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Policy | None = None


@dataclass(frozen=True)
class Decision:
    """The answer, and the statement that decided (`policy label#Sid`), if one did."""

    reason: Reason
    matched: str | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is Reason.ALLOWED


def evaluate(request: Request, policies: PolicySet, *, resource_must_allow: bool = False) -> Decision:
    """Decide on a request.

    Args:
        request: who wants to do what to which resource.
        policies: the policies that apply to it.
        resource_must_allow: whether the resource-based policy must allow it, as with a role's trust policy.
    """
    return (
        _explicit_deny(request, policies)
        or _granted_by_resource(request, policies, resource_must_allow=resource_must_allow)
        or _granted_by_identity(request, policies)
    )


def _explicit_deny(request: Request, policies: PolicySet) -> Decision | None:
    groups = (
        (Reason.IDENTITY_DENY, policies.identity),
        (Reason.RESOURCE_DENY, policies.resource),
        (Reason.BOUNDARY_DENY, _some(policies.boundary)),
        (Reason.SESSION_DENY, _some(policies.session)),
    )
    for reason, group in groups:
        denied = _find(request, group, allows=False, by_principal=reason is Reason.RESOURCE_DENY)
        if denied is not None:
            return Decision(reason, denied)
    return None


def _granted_by_resource(request: Request, policies: PolicySet, *, resource_must_allow: bool) -> Decision | None:
    """Return the decision of the resource-based policies; None if the identity-based ones decide."""
    granted = _find(request, policies.resource, allows=True, by_principal=True)
    if granted is None:
        if not resource_must_allow:
            return None
        delegated = _find(request, policies.resource, allows=True, by_principal=True, delegated=True)
        return None if delegated is not None else Decision(Reason.NO_RESOURCE)
    if request.service is not None or request.principal.is_anonymous:
        return Decision(Reason.ALLOWED, granted)
    direct = _find(request, policies.resource, allows=True, by_principal=True, exactly=True)
    return Decision(Reason.ALLOWED, direct) if direct else _limited(request, policies, granted)


def _granted_by_identity(request: Request, policies: PolicySet) -> Decision:
    if request.principal.is_root:
        return Decision(Reason.ALLOWED, "account/root")
    granted = _find(request, policies.identity, allows=True)
    return Decision(Reason.NO_IDENTITY) if granted is None else _limited(request, policies, granted)


def _limited(request: Request, policies: PolicySet, granted: str) -> Decision:
    for limit, reason in ((policies.boundary, Reason.NO_BOUNDARY), (policies.session, Reason.NO_SESSION)):
        if limit is not None and _find(request, (limit,), allows=True) is None:
            return Decision(reason)
    return Decision(Reason.ALLOWED, granted)


def _find(
    request: Request,
    policies: Sequence[Policy],
    *,
    allows: bool,
    by_principal: bool = False,
    delegated: bool = False,
    exactly: bool = False,
) -> str | None:
    for policy in policies:
        for statement in policy.statements:
            if statement.allows is not allows or not _applies(statement, request):
                continue
            if by_principal and not _names(statement, request, delegated=delegated or not allows, exactly=exactly):
                continue
            return f"{policy.label}#{statement.sid}"
    return None


def _applies(statement: Statement, request: Request) -> bool:
    return (
        _covers_action(statement, request.action)
        and _covers_resource(statement, request)
        and hold(statement.conditions, request.context)
    )


def _covers_action(statement: Statement, action: str) -> bool:
    if statement.not_actions:
        return not any(matches(pattern, action, ignore_case=True) for pattern in statement.not_actions)
    return any(matches(pattern, action, ignore_case=True) for pattern in statement.actions)


def _covers_resource(statement: Statement, request: Request) -> bool:
    if not statement.resources and not statement.not_resources:
        return True  # a trust policy: its resource is the role itself
    patterns = statement.not_resources or statement.resources
    covered = any(
        pattern is not None and matches(pattern, request.resource)
        for pattern in (substitute(text, request.context) for text in patterns)
    )
    return covered != bool(statement.not_resources)


def _names(statement: Statement, request: Request, *, delegated: bool, exactly: bool) -> bool:
    if statement.not_principals is not None:
        return not _is_among(statement.not_principals, request, delegated=True, exactly=False)
    return statement.principals is not None and _is_among(
        statement.principals, request, delegated=delegated, exactly=exactly
    )


def _is_among(principals: Mapping[str, Sequence[str]], request: Request, *, delegated: bool, exactly: bool) -> bool:
    if request.service is not None:
        return request.service in principals.get(_SERVICE, ()) or "*" in principals
    principal = request.principal
    names = set(principals.get("AWS", ())) | set(principals.get("*", ()))
    if exactly:
        return principal.arn in names
    if "*" in names:
        return True
    if principal.is_anonymous:
        return False
    root = f"arn:aws:iam::{principal.account_id}:root"
    if names & {principal.arn, principal.identity_arn}:
        return True
    return delegated and bool(names & {root, principal.account_id})


def _some(policy: Policy | None) -> tuple[Policy, ...]:
    return () if policy is None else (policy,)
