"""Scheduled jobs on the local cloud, with EKS's managed operator beside them and policies enforced, from up to destroy.

The deployer has the deployer's two documents and nothing else; the preview has the permissions of a pull request.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from infra import delivery, policies
from infra.policies import Scope
from localcloud.aws.iam.documents import Policy, policy
from localcloud.aws.iam.evaluation import PolicySet, evaluate
from tests.e2e.checkout import REPOSITORY, Checkout, Said
from tests.e2e.jobs_as_code import added
from tests.localcloud.aws.iam import replay

DOCUMENTS = [REPOSITORY / "docs" / f"deployer-policy{end}.json" for end in ("", "-options")]
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("scheduled")]
INPUT = "s3://nightly-input/in/"
SCHEDULED = {
    "nightly": f'input="{INPUT}", schedule=Schedule("cron(0 2 * * ? *)", timezone="Europe/Berlin")',
    "starved": 'input="s3://nightly-input/empty/", schedule=Schedule("rate(30 days)")',
    "unreadable": 'input="s3://nightly-input/words/", schedule=Schedule("cron(0 2 1 1 ? *)")',
}
CONFIG = """
pulumi config set operatorInstall capability
pulumi config set --path 'inputBuckets[0]' nightly-input
pulumi config set --path 'failureEmails[0]' ops@example.org
aws s3 mb s3://nightly-input
aws s3 cp model/batch_input.csv s3://nightly-input/in/customers.csv
echo 'no,numbers,here' | aws s3 cp - s3://nightly-input/words/words.csv
"""


SCOPE = Scope("aws", "us-east-1", "123456789012", "batch-workshop")
PREVIEW = policies.document(*delivery.preview(SCOPE))
DEPLOYER = {
    "up": "pulumi up --yes --skip-preview",
    "tick of what fails": "python -m workshop.scheduled --stack local --run unreadable --ahead 2 || test $? = 2",
    "runs": "python -m workshop.scheduled --stack local",
    "refresh": "pulumi refresh --yes --skip-preview",
    "end of schedules": "pulumi destroy --yes --skip-preview --target '**ScheduledJob**'",
    "stop": "python -m workshop.scheduled --stack local --stop",
    "destroy": "pulumi destroy --yes --skip-preview",
    "leftovers": "python -m workshop.leftovers --stack local",
}
# Statements of the options' document that no request of this run needs, each with the reason why it stays.
JUSTIFIED = {"StopScheduledJobs": "it is asked only where a job runs when the stack is destroyed"}


@dataclass(frozen=True)
class Person:
    """A user of the account with policies of their own, in the checkout's shell."""

    checkout: Checkout
    key: str
    secret: str

    @classmethod
    def hired(cls, checkout: Checkout, name: str, documents: Sequence[str]) -> Person:
        iam: Any = checkout.client("iam")
        iam.create_user(UserName=name)
        for number, document in enumerate(documents):
            arn = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=document)["Policy"]["Arn"]
            iam.attach_user_policy(UserName=name, PolicyArn=arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return cls(checkout, key["AccessKeyId"], key["SecretAccessKey"])

    def run(self, script: str) -> Said:
        keys = f"export AWS_ACCESS_KEY_ID={self.key} AWS_SECRET_ACCESS_KEY={self.secret}\n"
        return self.checkout.shell(f'{keys}PATH="$LOCALCLOUD_HOME/venv/bin:$PATH"\n{script}')


@dataclass(frozen=True)
class Life:
    """A stack with scheduled jobs, and what its commands said."""

    checkout: Checkout
    said: dict[str, Said]
    outputs: dict[str, Any]
    notifications: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    policies: dict[str, str]
    left: dict[str, str]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    checkout = Checkout.make(tmp_path_factory.mktemp("scheduled") / "checkout")
    said: dict[str, Said] = {}
    try:
        checkout.start_cloud()
        said["config"] = checkout.shell(CONFIG)
        deployer = Person.hired(checkout, "deployer", [path.read_text() for path in DOCUMENTS])
        reader = Person.hired(checkout, "reader", [PREVIEW])
        with added(checkout, SCHEDULED):
            said["up"] = deployer.run(DEPLOYER["up"])
            outputs = checkout.outputs()
            queue = listen(checkout, outputs["scheduled_jobs"]["nightly"]["failure_topic"])
            said["tick"] = checkout.make_target("tick", JOB="nightly")
            said["tick of what fails"] = deployer.run(DEPLOYER["tick of what fails"])
            said["tick of nothing"] = checkout.make_target("tick", JOB="churn")
            said["again"] = checkout.make_target("up", YES="1")
            letters = messages(checkout, outputs["scheduled_jobs"]["nightly"]["dead_letter_queue"])
            notifications = messages(checkout, queue)
            said["preview by a reader"] = reader.run("pulumi preview")
            inlined = {part: inline(checkout, part) for part in ("schedule", "operator")}
            for step in ("runs", "refresh", "end of schedules", "stop", "destroy", "leftovers"):
                said[step] = deployer.run(DEPLOYER[step])
        yield Life(checkout, said, outputs, notifications, letters, inlined, checkout.transform_jobs())
    finally:
        checkout.make_target("reset")


def listen(checkout: Checkout, topic: str) -> str:
    """A queue that hears what the topic sends; its URL."""
    url = checkout.client("sqs").create_queue(QueueName="ears")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:ears"
    checkout.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def messages(checkout: Checkout, url: str) -> list[dict[str, Any]]:
    received = checkout.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return received.get("Messages", [])


def inline(checkout: Checkout, part: str) -> str:
    name = f"batch-workshop-{part}"
    return json.dumps(checkout.client("iam").get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"])


@pytest.mark.parametrize("step", ["config", *DEPLOYER, "tick", "again", "preview by a reader"])
def test_each_step_goes_well(life: Life, step: str) -> None:
    assert life.said[step].code == 0, life.said[step].text


def test_a_tick_runs_the_job_over_what_is_in_s3_now(life: Life) -> None:
    said = life.said["tick"].text
    assert "is Completed: s3://" in said
    runs = {name: status for name, status in life.left.items() if name.startswith("batch-workshop-nightly-")}
    assert list(runs.values()) == ["Completed"]


def test_a_tick_of_a_job_that_fails_says_why(life: Life) -> None:
    assert "is Failed: " in life.said["tick of what fails"].text


def test_a_tick_of_a_job_without_schedule_names_those_that_have_one(life: Life) -> None:
    said = life.said["tick of nothing"]
    assert said.code != 0
    assert "JOB=churn has no schedule in this stack; scheduled are nightly, starved, unreadable" in said.text
    assert "Traceback" not in said.text


def test_an_up_after_runs_of_schedules_changes_nothing_and_lists_them(life: Life) -> None:
    said = life.said["again"].text
    assert "unchanged" in said
    assert "created" not in said
    assert "\x1b[" not in said
    assert "batch-workshop-nightly-" in said


def test_a_call_that_sagemaker_refuses_is_kept(life: Life) -> None:
    codes = {letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] for letter in life.letters}
    assert any("s3://nightly-input/empty/" in code for code in codes)


def test_a_job_that_fails_is_reported(life: Life) -> None:
    events = [json.loads(json.loads(message["Body"])["Message"]) for message in life.notifications]
    assert [event["detail"]["TransformJobStatus"] for event in events] == ["Failed"]
    assert events[0]["detail"]["TransformJobName"].startswith("batch-workshop-unreadable-")


def test_the_churn_job_ran_by_the_capability(life: Life) -> None:
    churn = life.outputs["transform_jobs"]["churn"]
    assert churn["status"] == "Completed"
    sagemaker = life.checkout.client("sagemaker")
    arn = sagemaker.describe_transform_job(TransformJobName=churn["job_name"])["TransformJobArn"]
    keys = {tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert {key for key in keys if key.startswith("eks:")} == {
        "eks:controller-version",
        "eks:kubernetes-namespace",
        "eks:kubernetes-resource-name",
        "eks:kubernetes-api-group",
        "eks:eks-capability-arn",
    }


def test_destroy_leaves_nothing_behind(life: Life) -> None:
    assert "nothing of stack local is left" in life.said["leftovers"].text
    assert "not checked" not in life.said["leftovers"].text
    assert "InProgress" not in life.left.values()


def test_a_reader_sees_that_nothing_would_change_and_changes_nothing(life: Life) -> None:
    log = life.checkout.home / "logs" / "authorization.jsonl"
    asked = {row["action"] for row in replay.read(log) if ":user/reader" in row["principal"]}
    verbs = {action.partition(":")[2] for action in asked}
    assert all(verb.startswith(("Describe", "List", "Get")) for verb in verbs), verbs


def test_each_statement_of_the_options_document_is_needed(life: Life) -> None:
    log = life.checkout.home / "logs" / "authorization.jsonl"
    rows = [row for row in replay.read(log) if ":user/deployer" in row["principal"]]
    assert {f"{row['action']} on {row['resource']}" for row in rows if row["decision"] != "allow"} == set()
    requests = [replay.request_of(row) for row in rows]
    whole = policy("options", DOCUMENTS[1].read_text())
    asked = [request for request in requests if evaluate(request, PolicySet(identity=[whole])).allowed]
    others = policy("default", DOCUMENTS[0].read_text())
    unneeded = {
        sid
        for sid, rest in without_each(whole)
        if all(evaluate(request, PolicySet(identity=[others, rest])).allowed for request in asked)
    }
    assert unneeded == set(JUSTIFIED)


@pytest.mark.parametrize("part", ["schedule", "operator"])
def test_each_statement_of_the_new_roles_is_needed(life: Life, part: str) -> None:
    log = life.checkout.home / "logs" / "authorization.jsonl"
    rows = [row for row in replay.read(log) if f"assumed-role/batch-workshop-{part}/" in row["principal"]]
    requests = [replay.request_of(row) for row in rows if row["decision"] == "allow"]
    whole = policy(part, life.policies[part])
    assert all(evaluate(request, PolicySet(identity=[whole])).allowed for request in requests)
    unneeded = [
        sid
        for sid, rest in without_each(whole)
        if all(evaluate(request, PolicySet(identity=[rest])).allowed for request in requests)
    ]
    assert unneeded == []


def without_each(whole: Policy) -> Iterator[tuple[str, Policy]]:
    for left_out in whole.statements:
        rest = tuple(statement for statement in whole.statements if statement is not left_out)
        yield left_out.sid, dataclasses.replace(whole, statements=rest)
