"""AWS STS: who the caller is, and sessions of roles whose trust policies allow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from localcloud.aws.iam.authorization import Authorizer, request_context
from localcloud.aws.iam.credentials import ANONYMOUS, Credential, CredentialStore, Principal
from localcloud.aws.iam.directory import Directory, Role
from localcloud.aws.iam.documents import Keys, policy
from localcloud.aws.iam.evaluation import Request
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError, Call, Operation

_HOUR = 3600
_SERVICE_SESSION = timedelta(days=5)  # AWS renews the keys of its services; here they are issued once


@dataclass(frozen=True)
class AssumeRoleRequest:
    """A request to act as a role.

    Attributes:
        caller: the principal that assumes the role; anonymous if a service assumes it.
        service: the AWS service that assumes the role, e.g. `sagemaker.amazonaws.com`.
        context: condition keys in addition to those that every request has.
        tags: session tags, which need `sts:TagSession`.
        session_policy: a policy document that narrows the role's policies.
        duration: how long the session lasts.
    """

    role_arn: str
    session_name: str
    caller: Principal = ANONYMOUS
    service: str | None = None
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    session_policy: str | None = None
    duration: timedelta = timedelta(hours=1)


class Tokens:
    """Issues sessions and answers STS."""

    def __init__(self, directory: Directory, credentials: CredentialStore, authorizer: Authorizer) -> None:
        self._directory = directory
        self._credentials = credentials
        self._authorizer = authorizer

    def operations(self) -> Mapping[str, Operation]:
        return {"GetCallerIdentity": self.get_caller_identity, "AssumeRole": self.assume_role}

    def get_caller_identity(self, call: Call) -> Mapping[str, Any]:
        principal = call.principal
        if principal.is_anonymous:
            raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        return {"UserId": principal.user_id, "Account": principal.account_id, "Arn": principal.arn}

    def assume_role(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        if params.get("PolicyArns"):
            raise AwsError("NotImplemented", "AssumeRole with PolicyArns is not available in the local cloud.", 501)
        seconds = int(params.get("DurationSeconds") or _HOUR)
        external_id = params.get("ExternalId")
        wanted = AssumeRoleRequest(
            role_arn=params["RoleArn"],
            session_name=params["RoleSessionName"],
            caller=call.principal,
            context={"sts:externalid": (str(external_id),)} if external_id else {},
            tags={row["Key"]: row["Value"] for row in params.get("Tags") or []},
            session_policy=_checked(params.get("Policy")),
            duration=timedelta(seconds=seconds),
        )
        role = self._trusting_role(wanted)
        if seconds > role.longest_session:
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise AwsError("ValidationError", message)
        credential = self._issue(role, wanted)
        principal = credential.principal
        return {
            "Credentials": wire_form(credential),
            "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        }

    def assume(self, wanted: AssumeRoleRequest) -> Credential:
        """Start a session of a role for an AWS service.

        Raises:
            AccessDeniedError: the role does not exist, or its trust policy does not allow it.
        """
        return self._issue(self._trusting_role(wanted), wanted)

    def _trusting_role(self, wanted: AssumeRoleRequest) -> Role:
        role = self._directory.role(wanted.role_arn)
        actions = ["sts:AssumeRole", *(["sts:TagSession"] if wanted.tags else [])]
        if role is None:
            raise _refused(wanted, actions[0])
        for action in actions:
            self._check_trust(wanted, role, action)
        return role

    def _check_trust(self, wanted: AssumeRoleRequest, role: Role, action: str) -> None:
        context: Keys = {
            **request_context(wanted.caller, None),
            **wanted.context,
            **{f"aws:requesttag/{key.lower()}": (value,) for key, value in wanted.tags.items()},
            **{f"iam:resourcetag/{key.lower()}": (value,) for key, value in role.tags.items()},
            "sts:rolesessionname": (wanted.session_name,),
        }
        if wanted.tags:
            context["aws:tagkeys"] = tuple(wanted.tags)
        if wanted.service is not None:
            context["aws:principalisawsservice"] = ("true",)
            context["aws:principalservicename"] = (wanted.service,)
        request = Request(action, role.arn, wanted.caller, context, wanted.service)
        policies = replace(self._directory.policies(wanted.caller), resource=(role.trust,))
        who = wanted.service or wanted.caller.arn
        if not self._authorizer.decide(who, request, policies, resource_must_allow=True).allowed:
            raise _refused(wanted, action)

    def _issue(self, role: Role, wanted: AssumeRoleRequest) -> Credential:
        account_id = role.arn.split(":")[4]
        principal = Principal(
            arn=f"arn:aws:sts::{account_id}:assumed-role/{role.name}/{wanted.session_name}",
            user_id=f"{role.role_id}:{wanted.session_name}",
            account_id=account_id,
            identity_arn=role.arn,
            session_tags={**role.tags, **wanted.tags},
            session_policy=wanted.session_policy,
        )
        return self._credentials.issue(principal, wanted.duration)


def source_keys(arn: str) -> Keys:
    """Return the condition keys of a service that acts on behalf of a resource."""
    return {"aws:sourcearn": (arn,), "aws:sourceaccount": (arn.split(":")[4],)}


def service_session(tokens: Tokens, service: str, role_arn: str, source_arn: str) -> Credential:
    """Start a session of a role for an AWS service that acts on behalf of one of its resources.

    Args:
        tokens: issues the session.
        service: the service, e.g. `sagemaker.amazonaws.com`.
        role_arn: the role to act as.
        source_arn: the resource, for the condition keys `aws:SourceArn` and `aws:SourceAccount`.

    Raises:
        AccessDeniedError: the role does not exist, or its trust policy does not allow it.
    """
    name = service.partition(".")[0].capitalize().replace("Sagemaker", "SageMaker")
    return tokens.assume(
        AssumeRoleRequest(role_arn, name, service=service, context=source_keys(source_arn), duration=_SERVICE_SESSION)
    )


def wire_form(credential: Credential) -> Mapping[str, Any]:
    """Return the `Credentials` of STS's answers."""
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "SessionToken": credential.session_token,
        "Expiration": credential.expiration,
    }


def _refused(wanted: AssumeRoleRequest, action: str) -> AccessDeniedError:
    who = f"Service: {wanted.service}" if wanted.service else f"User: {wanted.caller.arn}"
    return AccessDeniedError(f"{who} is not authorized to perform: {action} on resource: {wanted.role_arn}")


def check_trust_policy(call: Call) -> None:
    """Refuse a CreateRole whose trust policy cannot be read; moto checks it only in UpdateAssumeRolePolicy.

    Raises:
        AwsError: MalformedPolicyDocument.
    """
    _checked(str(call.params.get("AssumeRolePolicyDocument") or ""), "trust")


def _checked(document: str | None, kind: str = "session") -> str | None:
    if document is not None:
        try:
            policy(kind, document)
        except ValueError as error:
            raise AwsError("MalformedPolicyDocument", f"The {kind} policy cannot be read: {error}") from error
    return document
