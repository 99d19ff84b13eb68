"""Decides on each call by the policies, logs each decision, and refuses in AWS's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from localcloud.aws.iam.credentials import Principal
from localcloud.aws.iam.directory import Directory, ResourceTags
from localcloud.aws.iam.documents import Keys, Policy
from localcloud.aws.iam.evaluation import Decision, PolicySet, Request, evaluate
from localcloud.aws.iam.permissions import Mapper, Permission, required, s3, services
from localcloud.aws.protocol.wire import AccessDeniedError, Call

BucketPolicy = Callable[[str], Policy | None]
# An operation of a service that is not here needs `service:Operation` on `*`, or on the ARN in the request.
_MAPPERS: Mapping[str, Mapper] = {"s3": s3.permissions, **services.MAPPERS}
_SHORT_CODE = {"s3", "iam", "sts", "cloudwatch"}  # these services answer AccessDenied, the others AccessDeniedException
_S3_PREFIX = "arn:aws:s3:::"


class Authorizer:
    """Enforces policies.

    Args:
        directory: has the identity-based policies.
        bucket_policy: returns the policy of a bucket.
        resource_tags: has the tags of resources.
        log: takes the record of each decision.
    """

    def __init__(
        self,
        directory: Directory,
        bucket_policy: BucketPolicy,
        resource_tags: ResourceTags,
        log: Callable[[Mapping[str, object]], None],
    ) -> None:
        self._resource_tags = resource_tags
        self._directory = directory
        self._bucket_policy = bucket_policy
        self._log = log

    def authorize(self, call: Call) -> None:
        """Let a call pass, or refuse it.

        Raises:
            AccessDeniedError: the caller lacks a permission that the call needs.
        """
        for permission in required_permissions(call, self._directory):
            self.check(call, permission)

    def check(self, call: Call, permission: Permission) -> None:
        """Check one permission of the caller.

        Raises:
            AccessDeniedError: the caller lacks it.
        """
        decision = self._decide(call.principal, permission, request_context(call.principal, call))
        if not decision.allowed:
            raise _denial(call, permission, decision)

    def require(self, principal: Principal, permission: Permission, region: str) -> None:
        """Check a permission of a role with which a service acts while it answers another principal's call.

        Raises:
            AccessDeniedError: the role lacks it.
        """
        context: Keys = {**request_context(principal, None), "aws:requestedregion": (region,)}
        decision = self._decide(principal, permission, context)
        if not decision.allowed:
            raise AccessDeniedError(_refusal(principal, permission, permission.resource, decision))

    def decide(self, who: str, request: Request, policies: PolicySet, *, resource_must_allow: bool = False) -> Decision:
        """Evaluate a request, and log the decision with its principal, action, resource and condition keys."""
        decision = evaluate(request, policies, resource_must_allow=resource_must_allow)
        context = {key: values[0] if len(values) == 1 else list(values) for key, values in request.context.items()}
        self._log(
            {
                "principal": who,
                "action": request.action,
                "resource": request.resource,
                "context": context,
                "decision": "allow" if decision.allowed else "deny",
                "matched": decision.matched,
                "reason": None if decision.allowed else decision.reason.name,
            }
        )
        return decision

    def _decide(self, principal: Principal, permission: Permission, request: Keys) -> Decision:
        context: Keys = {**request, **self._resource_tags.keys(permission.resource), **permission.keys}
        policies = self._directory.policies(principal)
        if permission.resource.startswith(_S3_PREFIX):
            bucket = self._bucket_policy(permission.resource.removeprefix(_S3_PREFIX).partition("/")[0])
            policies = replace(policies, resource=(bucket,) if bucket else ())
        asked = Request(permission.action, permission.resource, principal, context)
        return self.decide(principal.arn or "anonymous", asked, policies)


def required_permissions(call: Call, directory: Directory) -> Sequence[Permission]:
    """Return the permissions that the caller must have for this call."""
    if mapper := _MAPPERS.get(call.service):
        return mapper(call, directory)
    return required(call, str(call.params.get("resourceArn") or "*"))


def request_context(principal: Principal, call: Call | None) -> Keys:
    """Return the condition keys that every request has. The local endpoint counts as secure transport."""
    now = datetime.now(UTC)
    context: Keys = {
        "aws:securetransport": ("true",),
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:viaawsservice": ("false",),
        "aws:principalisawsservice": ("false",),
        "aws:sourceip": ("127.0.0.1",),
    }
    if not principal.is_anonymous:
        context |= _principal_keys(principal)
    if call is not None:
        context |= {
            "aws:requestedregion": (call.region,),
            "aws:useragent": (call.request.headers.get("user-agent", ""),),
        }
    return context


def _principal_keys(principal: Principal) -> Keys:
    kind = "Account" if principal.is_root else "AssumedRole" if ":role/" in principal.identity_arn else "User"
    keys: Keys = {
        "aws:principalarn": (principal.identity_arn,),
        "aws:principalaccount": (principal.account_id,),
        "aws:resourceaccount": (principal.account_id,),
        "s3:resourceaccount": (principal.account_id,),
        "aws:principaltype": (kind,),
        "aws:userid": (principal.user_id,),
    }
    if kind == "User":
        keys["aws:username"] = (principal.identity_arn.rpartition("/")[2],)
    return keys | {f"aws:principaltag/{key.lower()}": (value,) for key, value in principal.session_tags.items()}


def _denial(call: Call, permission: Permission, decision: Decision) -> AccessDeniedError:
    """Return the refusal in the words and with the code of the service."""
    if call.principal.is_anonymous:
        return AccessDeniedError("Access Denied")
    resource = f'"{permission.resource}"' if call.service == "s3" else permission.resource
    text = _refusal(call.principal, permission, resource, decision)
    if call.service == "ec2":
        return AccessDeniedError(f"You are not authorized to perform this operation. {text}", "UnauthorizedOperation")
    code = "AccessDenied" if call.service in _SHORT_CODE else "AccessDeniedException"
    error = AccessDeniedError(text, code)
    error.status = 400 if call.service == "sagemaker" else 403
    return error


def _refusal(principal: Principal, permission: Permission, resource: str, decision: Decision) -> str:
    reason = decision.reason.value.format(action=permission.action)
    return f"User: {principal.arn} is not authorized to perform: {permission.action} on resource: {resource} {reason}"
