"""AWS's published evaluation rules, row by row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.aws.iam.credentials import ANONYMOUS, Principal, root
from localcloud.aws.iam.documents import hold, policy
from localcloud.aws.iam.evaluation import PolicySet, Reason, Request, evaluate

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one"
CALLER = Principal(SESSION, "AROA:one", ACCOUNT, ROLE)
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/ann"
USER = Principal(USER_ARN, "AIDA", ACCOUNT, USER_ARN)
OBJECT = "arn:aws:s3:::data/in/a.csv"


def statement(effect: str, action: str = "s3:GetObject", resource: str = OBJECT, **more: Any) -> dict[str, Any]:
    return {"Sid": effect, "Effect": effect, "Action": action, "Resource": resource, **more}


def made(label: str, *statements: Mapping[str, Any]) -> Any:
    return policy(label, json.dumps({"Statement": list(statements)}))


ALLOW = made("inline", statement("Allow"))
DENY = made("inline", statement("Deny"))
OTHER = made("other", statement("Allow", "s3:PutObject"))


def granting(principal: Any, effect: str = "Allow") -> Any:
    return made("bucket", statement(effect, Principal=principal))


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        pytest.param(PolicySet(), Reason.NO_IDENTITY, id="what nobody allows is denied"),
        pytest.param(PolicySet(identity=(ALLOW,)), Reason.ALLOWED, id="an identity policy allows"),
        pytest.param(PolicySet(identity=(OTHER,)), Reason.NO_IDENTITY, id="another action is not allowed"),
        pytest.param(PolicySet(identity=(ALLOW, DENY)), Reason.IDENTITY_DENY, id="an explicit deny wins over an allow"),
        pytest.param(PolicySet(identity=(DENY, ALLOW)), Reason.IDENTITY_DENY, id="in whatever order"),
        pytest.param(
            PolicySet(identity=(ALLOW,), boundary=OTHER), Reason.NO_BOUNDARY, id="a boundary that does not allow denies"
        ),
        pytest.param(
            PolicySet(identity=(ALLOW,), boundary=ALLOW), Reason.ALLOWED, id="identity and boundary allow together"
        ),
        pytest.param(PolicySet(boundary=ALLOW), Reason.NO_IDENTITY, id="a boundary alone grants nothing"),
        pytest.param(
            PolicySet(identity=(ALLOW,), boundary=DENY), Reason.BOUNDARY_DENY, id="a deny in the boundary is explicit"
        ),
        pytest.param(
            PolicySet(identity=(ALLOW,), session=OTHER), Reason.NO_SESSION, id="a session policy narrows the role's"
        ),
        pytest.param(
            PolicySet(identity=(ALLOW,), session=DENY), Reason.SESSION_DENY, id="a deny in the session is explicit"
        ),
        pytest.param(PolicySet(identity=(ALLOW,), boundary=ALLOW, session=ALLOW), Reason.ALLOWED, id="all three agree"),
        pytest.param(
            PolicySet(resource=(granting({"AWS": ROLE}),)), Reason.ALLOWED, id="a resource policy alone allows"
        ),
        pytest.param(
            PolicySet(resource=(granting("*"),), boundary=OTHER), Reason.NO_BOUNDARY, id="a boundary limits that too"
        ),
        pytest.param(
            PolicySet(resource=(granting({"AWS": SESSION}),), boundary=OTHER),
            Reason.ALLOWED,
            id="but not where the resource policy names the very session",
        ),
        pytest.param(
            PolicySet(resource=(granting({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),)),
            Reason.NO_IDENTITY,
            id="naming the account leaves it to the account's policies",
        ),
        pytest.param(
            PolicySet(identity=(ALLOW,), resource=(granting({"AWS": ACCOUNT}, "Deny"),)),
            Reason.RESOURCE_DENY,
            id="denying the account denies everyone in it",
        ),
        pytest.param(
            PolicySet(identity=(ALLOW,), resource=(granting("*", "Deny"),)),
            Reason.RESOURCE_DENY,
            id="a resource policy's deny wins over an identity's allow",
        ),
        pytest.param(
            PolicySet(identity=(ALLOW,), resource=(granting({"AWS": USER_ARN}, "Deny"),)),
            Reason.ALLOWED,
            id="a deny of somebody else does not matter",
        ),
    ],
)
def test_policies_decide_together(policies: PolicySet, reason: Reason) -> None:
    assert evaluate(Request("s3:GetObject", OBJECT, CALLER), policies).reason is reason


def test_root_needs_no_policy_but_heeds_a_bucket_policy() -> None:
    request = Request("s3:GetObject", OBJECT, root(ACCOUNT))
    assert evaluate(request, PolicySet()).allowed
    assert not evaluate(request, PolicySet(resource=(granting("*", "Deny"),))).allowed


def test_an_anonymous_caller_has_only_what_a_resource_policy_grants() -> None:
    request = Request("s3:GetObject", OBJECT, ANONYMOUS)
    assert not evaluate(request, PolicySet()).allowed
    assert evaluate(request, PolicySet(resource=(granting("*"),))).allowed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="no statement"),
        pytest.param('{"Statement": ["x"]}', id="a word for a statement"),
        pytest.param('{"Statement": {"Action": "*", "Resource": "*"}}', id="no effect"),
        pytest.param(
            '{"Statement": {"Effect": "allow", "Action": "*", "Resource": "*"}}', id="an effect in lower case"
        ),
        pytest.param('{"Statement": {"Effect": "Allow", "Condition": {"Null": "x"}}}', id="a word for a condition"),
        pytest.param('{"Statement": {"Effect": "Allow", "Principal": "me"}}', id="a word for a principal"),
    ],
)
def test_what_is_not_a_policy_document_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        policy("label", text)


def test_the_decision_names_the_statement() -> None:
    assert (
        evaluate(Request("s3:GetObject", OBJECT, CALLER), PolicySet(identity=(OTHER, ALLOW))).matched == "inline#Allow"
    )


def trust(principal: Any, **more: Any) -> PolicySet:
    row = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole"], **more}
    return PolicySet(resource=(made("trust", row),))


@pytest.mark.parametrize(
    ("principal", "caller", "service", "allowed"),
    [
        pytest.param(
            {"Service": "sagemaker.amazonaws.com"}, ANONYMOUS, "sagemaker.amazonaws.com", True, id="the service"
        ),
        pytest.param(
            {"Service": "sagemaker.amazonaws.com"}, ANONYMOUS, "ec2.amazonaws.com", False, id="another service"
        ),
        pytest.param({"Service": ["a", "ec2.amazonaws.com"]}, ANONYMOUS, "ec2.amazonaws.com", True, id="one of a list"),
        pytest.param({"Service": "ec2.amazonaws.com"}, USER, None, False, id="a user where a service is trusted"),
        pytest.param({"AWS": USER_ARN}, USER, None, True, id="the user by name"),
        pytest.param({"AWS": USER_ARN}, CALLER, None, False, id="somebody else"),
        pytest.param({"AWS": ACCOUNT}, USER, None, False, id="the account, for a user without permission"),
        pytest.param({"AWS": ACCOUNT}, root(ACCOUNT), None, True, id="the account, for its root"),
        pytest.param({"AWS": USER_ARN}, ANONYMOUS, "ec2.amazonaws.com", False, id="a service where a user is trusted"),
    ],
)
def test_a_trust_policy_opens_a_role_to(
    principal: Any, caller: Principal, service: str | None, *, allowed: bool
) -> None:
    request = Request("sts:AssumeRole", ROLE, caller, service=service)
    assert evaluate(request, trust(principal), resource_must_allow=True).allowed is allowed


def test_an_identity_policy_alone_does_not_open_a_role() -> None:
    policies = PolicySet(identity=(made("inline", statement("Allow", "sts:*", "*")),), resource=())
    assert not evaluate(Request("sts:AssumeRole", ROLE, USER), policies, resource_must_allow=True).allowed


@pytest.mark.parametrize(
    ("row", "action", "resource", "applies"),
    [
        pytest.param({"Action": "s3:*", "Resource": "*"}, "s3:GetObject", OBJECT, True, id="star in the action"),
        pytest.param(
            {"Action": "S3:getobject", "Resource": "*"}, "s3:GetObject", OBJECT, True, id="case of the action"
        ),
        pytest.param(
            {"Action": "s3:Get?bject", "Resource": "*"}, "s3:GetObject", OBJECT, True, id="mark in the action"
        ),
        pytest.param({"Action": "s3:Get", "Resource": "*"}, "s3:GetObject", OBJECT, False, id="no implied star"),
        pytest.param(
            {"Action": "*", "Resource": "arn:aws:s3:::data/in/*"}, "s3:GetObject", OBJECT, True, id="star below"
        ),
        pytest.param({"Action": "*", "Resource": "arn:aws:s3:::data"}, "s3:GetObject", OBJECT, False, id="bucket only"),
        pytest.param(
            {"Action": "*", "Resource": "arn:aws:s3:::DATA/*"}, "s3:GetObject", OBJECT, False, id="case of the resource"
        ),
        pytest.param(
            {"Action": "*", "Resource": "arn:aws:s3:::data.in/*"}, "s3:GetObject", OBJECT, False, id="a dot is a dot"
        ),
        pytest.param({"NotAction": "iam:*", "Resource": "*"}, "s3:GetObject", OBJECT, True, id="NotAction elsewhere"),
        pytest.param({"NotAction": "s3:*", "Resource": "*"}, "s3:GetObject", OBJECT, False, id="NotAction here"),
        pytest.param(
            {"Action": "*", "NotResource": "arn:aws:s3:::other/*"},
            "s3:GetObject",
            OBJECT,
            True,
            id="NotResource elsewhere",
        ),
        pytest.param({"Action": "*", "NotResource": OBJECT}, "s3:GetObject", OBJECT, False, id="NotResource here"),
        pytest.param(
            {"Action": "*", "Resource": "arn:aws:s3:::data/${aws:PrincipalTag/folder}/*"},
            "s3:GetObject",
            OBJECT,
            True,
            id="a variable with a value",
        ),
        pytest.param(
            {"Action": "*", "Resource": "arn:aws:s3:::data/${aws:username}/*"},
            "s3:GetObject",
            OBJECT,
            False,
            id="a variable without",
        ),
        pytest.param(
            {"Action": "*", "Resource": "arn:aws:s3:::data/${*}"}, "s3:GetObject", OBJECT, False, id="a literal star"
        ),
    ],
)
def test_a_statement_covers(row: Mapping[str, Any], action: str, resource: str, *, applies: bool) -> None:
    policies = PolicySet(identity=(made("inline", {"Effect": "Allow", **row}),))
    context = {"aws:principaltag/folder": ("in",)}
    assert evaluate(Request(action, resource, CALLER, context), policies).allowed is applies


CONTEXT = {
    "s3:prefix": ("input/a",),
    "aws:securetransport": ("true",),
    "aws:tagkeys": ("team", "cost"),
    "aws:sourcearn": ("arn:aws:sagemaker:us-east-1:123456789012:transform-job/churn",),
    "s3:max-keys": ("10",),
    "aws:currenttime": ("2026-11-24T04:00:00Z",),
    "aws:sourceip": ("127.0.0.1",),
    "empty": (),
}


@pytest.mark.parametrize(
    ("operator", "key", "values", "met"),
    [
        pytest.param("StringEquals", "s3:prefix", ["x", "input/a"], True, id="one of several values"),
        pytest.param("StringEquals", "S3:Prefix", ["input/a"], True, id="keys have no case"),
        pytest.param("StringEquals", "s3:prefix", ["INPUT/A"], False, id="values have"),
        pytest.param("StringEquals", "s3:prefix", ["input/*"], False, id="equals has no wildcards"),
        pytest.param("StringEqualsIgnoreCase", "s3:prefix", ["INPUT/A"], True, id="unless ignored"),
        pytest.param("StringNotEquals", "s3:prefix", ["x"], True, id="not equal"),
        pytest.param("StringNotEquals", "s3:prefix", ["x", "input/a"], False, id="not equal to any of several"),
        pytest.param("StringLike", "s3:prefix", ["input/*"], True, id="like"),
        pytest.param("StringLike", "s3:prefix", ["output/*"], False, id="unlike"),
        pytest.param("StringNotLike", "s3:prefix", ["output/*"], True, id="not like"),
        pytest.param("StringEquals", "absent", ["x"], False, id="an absent key meets nothing"),
        pytest.param("StringNotEquals", "absent", ["x"], True, id="but a negated test"),
        pytest.param("StringEqualsIfExists", "absent", ["x"], True, id="or one with IfExists"),
        pytest.param("StringEqualsIfExists", "s3:prefix", ["x"], False, id="which counts when the key is there"),
        pytest.param("Null", "absent", ["true"], True, id="null where absent"),
        pytest.param("Null", "s3:prefix", ["true"], False, id="null where present"),
        pytest.param("Null", "s3:prefix", ["false"], True, id="not null where present"),
        pytest.param("Bool", "aws:SecureTransport", ["false"], False, id="bool that differs"),
        pytest.param("Bool", "aws:SecureTransport", ["True"], True, id="bool in any case"),
        pytest.param(
            "ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "x"], True, id="all values are among"
        ),
        pytest.param("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False, id="not all values are among"),
        pytest.param("ForAllValues:StringEquals", "absent", ["team"], True, id="all of none"),
        pytest.param("ForAllValues:StringEquals", "empty", ["team"], True, id="all of an empty set"),
        pytest.param("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], True, id="any value is among"),
        pytest.param("ForAnyValue:StringEquals", "aws:TagKeys", ["x"], False, id="no value is among"),
        pytest.param("ForAnyValue:StringEquals", "absent", ["team"], False, id="any of none"),
        pytest.param("ForAnyValue:StringNotEquals", "absent", ["team"], False, id="any of none, negated"),
        pytest.param("ArnLike", "aws:SourceArn", ["arn:aws:sagemaker:*:123456789012:*"], True, id="arn like"),
        pytest.param("ArnLike", "aws:SourceArn", ["arn:aws:*"], False, id="a star stays in its part of the arn"),
        pytest.param(
            "ArnEquals", "aws:SourceArn", ["arn:aws:sagemaker:us-east-1:*:transform-job/*"], True, id="arn equals"
        ),
        pytest.param("ArnNotLike", "aws:SourceArn", ["arn:aws:sagemaker:*:999999999999:*"], True, id="arn not like"),
        pytest.param("NumericLessThanEquals", "s3:max-keys", ["10"], True, id="number at the limit"),
        pytest.param("NumericGreaterThan", "s3:max-keys", ["10"], False, id="number not beyond it"),
        pytest.param("NumericEquals", "s3:prefix", ["10"], False, id="no number"),
        pytest.param("DateLessThan", "aws:CurrentTime", ["2026-12-01T00:00:00Z"], True, id="date before"),
        pytest.param("DateGreaterThan", "aws:CurrentTime", ["2026-12-01"], False, id="date not after"),
        pytest.param("IpAddress", "aws:SourceIp", ["127.0.0.0/8"], True, id="address within"),
        pytest.param("NotIpAddress", "aws:SourceIp", ["127.0.0.0/8"], False, id="address not without"),
        pytest.param("NoSuchOperator", "s3:prefix", ["input/a"], False, id="an unknown operator meets nothing"),
    ],
)
def test_a_condition_is_met(operator: str, key: str, values: list[str], *, met: bool) -> None:
    assert hold({operator: {key: tuple(values)}}, CONTEXT) is met


def test_all_conditions_of_a_statement_must_be_met() -> None:
    conditions = {"StringEquals": {"s3:prefix": ("input/a",), "s3:max-keys": ("11",)}}
    assert not hold(conditions, CONTEXT)
