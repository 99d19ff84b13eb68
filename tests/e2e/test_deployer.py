"""A deployer needs docs/deployer-policy.json and nothing else: a local user with just this policy can do everything."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.aws.iam.documents import Policy, policy
from localcloud.aws.iam.evaluation import PolicySet, Request, evaluate
from tests.e2e.checkout import REPOSITORY, Checkout, Said
from tests.e2e.conveniences import address_server
from tests.localcloud.aws.iam import replay

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deployer")]
DOCUMENT = REPOSITORY / "docs" / "deployer-policy.json"
LARGEST_MANAGED_POLICY = 6144  # characters, white space not counted: IAM's quota
# Statements that no request of a local run needs, each with the reason why it stays.
JUSTIFIED = {
    "FirstClusterOfAccount": "EKS makes its service-linked roles at an account's first cluster; here it has none",
}


# The listing of leftovers makes these calls, and reports that they are refused to a deployer without scheduled jobs.
OPTIONAL_READS = {"scheduler:ListScheduleGroups", "sqs:ListQueues", "sns:ListTopics", "events:ListRules"}


@dataclass
class Deployer:
    """A checkout and the keys of a user who has the deployer's policy."""

    checkout: Checkout
    key: str
    secret: str
    said: dict[str, Said] = dataclasses.field(default_factory=dict[str, Said])

    def run(self, script: str) -> Said:
        keys = f"export AWS_ACCESS_KEY_ID={self.key} AWS_SECRET_ACCESS_KEY={self.secret}\n"
        return self.checkout.shell(keys + script)

    def requests(self) -> list[Request]:
        log = self.checkout.home / "logs" / "authorization.jsonl"
        asked = (replay.request_of(row) for row in replay.read(log) if ":user/deployer" in row["principal"])
        return [request for request in asked if request.action not in OPTIONAL_READS]

    def denied(self) -> set[str]:
        log = self.checkout.home / "logs" / "authorization.jsonl"
        rows = (row for row in replay.read(log) if ":user/deployer" in row["principal"])
        return {row["action"] for row in rows if row["decision"] != "allow"}


def hired(checkout: Checkout, name: str, document: str) -> Deployer:
    """A new user of the account who has this policy and nothing else."""
    iam: Any = checkout.client("iam")
    iam.create_user(UserName=name)
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Deployer(checkout, key["AccessKeyId"], key["SecretAccessKey"])


LIFE = {
    "preflight": "PREFLIGHT_ADDRESS_URL={url} python -m workshop.preflight --stack local",
    "a quota": """\
        echo '{"ml.m5.large for transform job usage": 0}' > "$LOCALCLOUD_HOME/quotas.json"
        said=$(REQUEST=1 PREFLIGHT_ADDRESS_URL={url} python -m workshop.preflight --stack local || true)
        rm "$LOCALCLOUD_HOME/quotas.json"
        echo "$said" | grep "asked for 1 now"
    """,
    "up": "pulumi up --yes --skip-preview",
    "kubeconfig": 'aws eks update-kubeconfig --name batch-workshop --kubeconfig "$LOCALCLOUD_HOME/by-aws"',
    "kubectl": 'KUBECONFIG="$LOCALCLOUD_HOME/by-aws" kubectl get batchtransformjob',
    "smlogs": 'KUBECONFIG="$LOCALCLOUD_HOME/by-aws" kubectl smlogs batchtransformjob churn',
    "result": "aws s3 cp \"$(pulumi stack output --json | python -c 'import json, sys; "
    'print(json.load(sys.stdin)["transform_jobs"]["churn"]["result_path"])\')" -',
    "job's time": "python -c 'from workshop import results, stack; "
    'print(results.run(stack.transform_job("churn"), stack.client("sagemaker")).seconds)\'',
    "table": "python -m workshop.results --job churn",
    "model": "python -c 'from workshop import page; assert not page.load(\"churn\", 0.5).why_unknown'",
    "again": "pulumi up --yes --skip-preview --refresh",
    "leftovers while it stands": "python -m workshop.leftovers --stack local || test $? = 1",
    "destroy": "pulumi destroy --yes --skip-preview",
    "leftovers": "python -m workshop.leftovers --stack local",
}


@pytest.fixture(scope="module")
def deployer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    """One who has taken the stack through its whole life, from preflight to nothing left."""
    checkout = Checkout.make(tmp_path_factory.mktemp("deployer") / "checkout")
    try:
        checkout.start_cloud()
        someone = hired(checkout, "deployer", DOCUMENT.read_text())
        with address_server("127.0.0.1") as url:
            for name, script in LIFE.items():
                someone.said[name] = someone.run(
                    f'PATH="$LOCALCLOUD_HOME/venv/bin:$PATH"\n{script.replace("{url}", url)}'
                )
        yield someone
    finally:
        checkout.make_target("reset")


@pytest.mark.parametrize("step", LIFE)
def test_the_deployer_does_without_an_administrator(deployer: Deployer, step: str) -> None:
    said = deployer.said[step]
    assert said.code == 0, said.text


def test_nothing_was_asked_that_the_document_lacks(deployer: Deployer) -> None:
    assert deployer.denied() == OPTIONAL_READS


def test_what_may_be_refused_is_in_the_document_of_the_options() -> None:
    options = json.loads((DOCUMENT.parent / "deployer-policy-options.json").read_text())["Statement"]
    assert any(set(statement["Action"]) >= OPTIONAL_READS for statement in options)


def test_the_kubeconfig_that_the_aws_cli_writes_opens_the_cluster(deployer: Deployer) -> None:
    assert "Completed" in deployer.said["kubectl"].text
    written = (deployer.checkout.home / "by-aws").read_text()
    assert "get-token" in written
    assert "client-certificate" not in written


def without_each(whole: Policy) -> Iterator[tuple[str, Policy]]:
    for left_out in whole.statements:
        rest = tuple(statement for statement in whole.statements if statement is not left_out)
        yield left_out.sid, dataclasses.replace(whole, statements=rest)


def test_each_statement_of_the_document_is_needed(deployer: Deployer) -> None:
    requests = deployer.requests()
    whole = policy("deployer", DOCUMENT.read_text())
    assert all(evaluate(request, PolicySet(identity=[whole])).allowed for request in requests)
    unneeded = {
        sid
        for sid, rest in without_each(whole)
        if all(evaluate(request, PolicySet(identity=[rest])).allowed for request in requests)
    }
    assert unneeded == set(JUSTIFIED)


def test_the_document_fits_into_one_managed_policy() -> None:
    assert len(json.dumps(json.loads(DOCUMENT.read_text()), separators=(",", ":"))) <= LARGEST_MANAGED_POLICY


def test_every_role_is_passed_to_its_own_service_only() -> None:
    statements = json.loads(DOCUMENT.read_text())["Statement"]
    passing = [statement for statement in statements if statement["Action"] == "iam:PassRole"]
    assert len(passing) == 3
    assert all("iam:PassedToService" in statement["Condition"]["StringEquals"] for statement in passing)


@pytest.mark.soak
def test_a_deployer_who_may_not_pass_a_role_is_told_the_action(deployer: Deployer) -> None:
    checkout, document = deployer.checkout, json.loads(DOCUMENT.read_text())
    document["Statement"] = [s for s in document["Statement"] if s["Sid"] != "PassExecutionRole"]
    someone = hired(checkout, "newcomer", json.dumps(document))
    up = someone.run("pulumi up --yes --skip-preview")
    assert up.code != 0
    assert "iam:PassRole" in up.text
    assert "Traceback" not in up.text
    destroyed = checkout.make_target("destroy")
    assert destroyed.code == 0
    strangers = re.findall(r"not of this stack: policy arn:aws:iam::123456789012:policy/(\w+)", destroyed.text)
    assert sorted(strangers) == ["deployer", "newcomer"]  # the test's own
    assert destroyed.text.count("not of this stack: ") == 2  # and no more
