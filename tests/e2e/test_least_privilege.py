"""Least privilege is proven: every statement that the program declares is needed by some request of a whole run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.aws.iam.credentials import Principal
from localcloud.aws.iam.documents import Policy, policy
from localcloud.aws.iam.evaluation import PolicySet, Request, evaluate
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added
from tests.localcloud.aws.iam import replay

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]
ROLES = ("operator", "execution")
# Statements that no request of a local run needs, each with the reason why it stays.
JUSTIFIED = {
    ("execution", "WriteMetrics"): "SageMaker's agent writes metrics of the instance; here there is no instance",
}


EVERYTHING = policy(
    "all", json.dumps({"Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]})
)


@dataclass(frozen=True)
class Recorded:
    """A request of the authorisation log."""

    principal: str
    action: str
    resource: str
    context: dict[str, tuple[str, ...]]
    allowed: bool

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Recorded:
        context = {
            key: tuple(value) if isinstance(value, list) else (str(value),) for key, value in entry["context"].items()
        }
        return cls(entry["principal"], entry["action"], entry["resource"], context, entry["decision"] == "allow")

    def under(self, granted: Policy) -> bool:
        """Whether this policy alone allows it."""
        who = Principal(self.principal, "", "123456789012", self.principal)
        return evaluate(Request(self.action, self.resource, who, self.context), PolicySet(identity=[granted])).allowed


def recorded(checkout: Checkout, role: str) -> list[Recorded]:
    rows = replay.read(checkout.home / "logs" / "authorization.jsonl")
    requests = [Recorded.of(row) for row in rows if f"assumed-role/batch-workshop-{role}/" in row["principal"]]
    return [request for request in requests if request.allowed]


def inline(checkout: Checkout, role: str) -> tuple[str, str]:
    """Name and document of the role's one inline policy, as IAM has it."""
    iam: Any = checkout.client("iam")
    (name,) = iam.list_role_policies(RoleName=f"batch-workshop-{role}")["PolicyNames"]
    document = iam.get_role_policy(RoleName=f"batch-workshop-{role}", PolicyName=name)["PolicyDocument"]
    return name, document if isinstance(document, str) else json.dumps(document)


def without_each(whole: Policy) -> Iterator[tuple[str, Policy]]:
    for left_out in whole.statements:
        rest = tuple(statement for statement in whole.statements if statement is not left_out)
        yield left_out.sid, dataclasses.replace(whole, statements=rest)


@pytest.mark.parametrize("role", ROLES)
def test_each_statement_is_needed_by_a_request_of_the_run(standing: Checkout, role: str) -> None:
    whole = policy(role, inline(standing, role)[1])
    requests = recorded(standing, role)
    assert requests
    assert all(request.under(whole) for request in requests)
    unneeded = [sid for sid, rest in without_each(whole) if all(request.under(rest) for request in requests)]
    assert unneeded == [sid for (justified, sid) in JUSTIFIED if justified == role]


@pytest.mark.parametrize("role", ["cluster", "node"])
def test_each_policy_that_aws_manages_is_needed_by_a_request_of_the_run(standing: Checkout, role: str) -> None:
    policies = attached(standing, role)
    requests = recorded(standing, role)
    assert all(any(request.under(one) for one in policies) for request in requests)
    for left_out in policies:
        rest = [one for one in policies if one is not left_out]
        assert any(not any(request.under(one) for one in rest) for request in requests), left_out.label


def attached(checkout: Checkout, role: str) -> list[Policy]:
    """The managed policies of a role, as IAM has them."""
    iam: Any = checkout.client("iam")
    held = iam.list_attached_role_policies(RoleName=f"batch-workshop-{role}")["AttachedPolicies"]
    return [policy(one["PolicyName"], document_of(iam, one["PolicyArn"])) for one in held]


def document_of(iam: Any, arn: str) -> str:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document if isinstance(document, str) else json.dumps(document)


TAKERS = [
    pytest.param("cluster", "eks.amazonaws.com", id="cluster"),
    pytest.param("node", "ec2.amazonaws.com", id="node"),
    pytest.param("operator", "pods.eks.amazonaws.com", id="operator"),
    pytest.param("execution", "sagemaker.amazonaws.com", id="execution"),
]


def taken(checkout: Checkout, role: str) -> list[Mapping[str, Any]]:
    """The recorded takings of a role."""
    rows = replay.read(checkout.home / "logs" / "authorization.jsonl")
    arn = f"arn:aws:iam::123456789012:role/batch-workshop-{role}"
    return [row for row in rows if row["resource"] == arn and row["action"].startswith("sts:")]


@pytest.mark.parametrize(("role", "service"), TAKERS)
def test_roles_are_taken_by_the_service_that_they_trust_and_nobody_else(
    standing: Checkout, role: str, service: str
) -> None:
    assert {row["principal"] for row in taken(standing, role)} == {service}


@pytest.mark.parametrize(("role", "service"), TAKERS)
def test_a_role_is_taken_by_its_trust_policy_alone_and_for_its_own_source_only(
    standing: Checkout, role: str, service: str
) -> None:
    iam: Any = standing.client("iam")
    document = iam.get_role(RoleName=f"batch-workshop-{role}")["Role"]["AssumeRolePolicyDocument"]
    trust = policy("trust", document if isinstance(document, str) else json.dumps(document))
    for row in taken(standing, role):
        assert trusts(trust, replay.request_of(row))
        assert not trusts(dataclasses.replace(trust, statements=()), replay.request_of(row))
        stranger = row["context"] | {"aws:sourceaccount": "999999999999"}
        assert trusts(trust, replay.request_of({**row, "context": stranger})) == (role == "node")  # EC2 names none


def trusts(trust: Policy, request: Request) -> bool:
    return evaluate(request, PolicySet(resource=[trust]), resource_must_allow=True).allowed


def test_the_buckets_policy_refuses_every_request_of_the_run_that_comes_without_tls(standing: Checkout) -> None:
    bucket = standing.outputs()["bucket_name"]
    document = standing.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    guarded = [policy("bucket", document)]
    rows = replay.read(standing.home / "logs" / "authorization.jsonl")
    requests = [row for row in rows if row["resource"].startswith(f"arn:aws:s3:::{bucket}")]
    assert requests
    for row in requests:
        plain = replay.request_of({**row, "context": row["context"] | {"aws:securetransport": "false"}})
        assert not evaluate(plain, PolicySet(identity=[EVERYTHING], resource=guarded)).allowed
        assert evaluate(plain, PolicySet(identity=[EVERYTHING])).allowed


def test_the_administrator_alone_made_the_stack(standing: Checkout) -> None:
    calls = replay.read(standing.home / "logs" / "api.jsonl")
    makers = {
        call["principal"]
        for call in calls
        if call["operation"].startswith(("CreateB", "CreateV", "CreateCl", "CreateR"))
    }
    assert makers == {"arn:aws:iam::123456789012:root"}


@contextmanager
def missing(checkout: Checkout, role: str, sid: str) -> Generator[None]:
    """The role's policy without one statement, put back afterwards."""
    iam: Any = checkout.client("iam")
    name, document = inline(checkout, role)
    rest = json.loads(document)
    rest["Statement"] = [statement for statement in rest["Statement"] if statement["Sid"] != sid]
    iam.put_role_policy(RoleName=f"batch-workshop-{role}", PolicyName=name, PolicyDocument=json.dumps(rest))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=f"batch-workshop-{role}", PolicyName=name, PolicyDocument=document)


@pytest.mark.parametrize(
    ("role", "sid", "words"),
    [
        pytest.param(
            "operator",
            "CreateJobs",
            "is not authorized to perform: sagemaker:CreateTransformJob",
            id="an operator that may not create jobs",
        ),
        pytest.param(
            "execution",
            "ReadModelAndInput",
            "s3:GetObject",
            id="a job that may not read its model",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_role_without_one_statement_fails_the_run_and_the_action_is_named(
    standing: Checkout, role: str, sid: str, words: str
) -> None:
    job = f"{role}-lacks"
    with added(standing, {job: f'input="model/batch_input.csv", environment={{"LACKS": "{sid}"}}'}):
        with missing(standing, role, sid):
            up = standing.make_target("up")
        assert up.code != 0
        assert words in up.text
        assert standing.make_target("retry", JOB=job).code == 0
        assert standing.outputs()["transform_jobs"][job]["status"] == "Completed"
    assert standing.shell("pulumi config rm --path rerun").code == 0
