"""An account with rules and small quotas: it has a network, a bucket and a boundary, and few jobs may run at once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.checkout import Checkout, Said
from tests.e2e.jobs_as_code import added
from tests.localcloud.aws.iam import replay

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("account")]
QUOTA = "ml.m5.large for transform job usage"
BUCKET = "given-by-the-account"
LIMITS = [
    "s3",
    "logs",
    "cloudwatch",
    "sagemaker",
    "eks-auth",
    "ec2",
    "ecr",
    "eks",
    "autoscaling",
    "elasticloadbalancing",
]
FOUR_MORE = """\
for number in range(4):
    environment = {"ROUND": "THIS", "NUMBER": str(number)}
    jobs.add(f"more-{number}", TransformJobArgs(input=jobs.defaults.batch_input, environment=environment))
"""
DELAY = 5


@dataclass(frozen=True)
class Account:
    """What somebody else has made in the account."""

    vpc: str
    subnets: list[str]
    boundary: str

    @classmethod
    def make(cls, checkout: Checkout) -> Account:
        ec2: Any = checkout.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{16 * n}.0/20", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for n, zone in enumerate(("us-east-1a", "us-east-1b"))
        ]
        for subnet in subnets:
            ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        checkout.client("s3").create_bucket(Bucket=BUCKET)
        return cls(vpc, subnets, boundary(checkout, "limits", LIMITS))

    @property
    def settings(self) -> dict[str, object]:
        return {
            "existingVpcId": self.vpc,
            "existingSubnetIds": self.subnets,
            "existingBucket": BUCKET,
            "permissionsBoundary": self.boundary,
        }


def boundary(checkout: Checkout, name: str, services: list[str]) -> str:
    actions = [f"{service}:*" for service in services] + ["iam:CreateServiceLinkedRole"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam: Any = checkout.client("iam")
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]


def configure(checkout: Checkout, **settings: object) -> None:
    """Add settings to the stack's file; what it has already of them is replaced."""
    kept = [
        line
        for line in (checkout.path / "Pulumi.local.yaml").read_text().splitlines()
        if not any(f":{key}:" in line for key in settings)
    ]
    own = [f"  sagemaker-batch-workshop:{key}: {json.dumps(value)}" for key, value in settings.items()]
    checkout.write("Pulumi.local.yaml", "\n".join([*kept, *own]) + "\n")


def journal(checkout: Checkout, operation: str) -> list[Mapping[str, Any]]:
    """The calls of one operation of AWS so far."""
    rows = replay.read(checkout.home / "logs" / "api.jsonl")
    return [row for row in rows if row.get("operation") == operation]


def refusals(checkout: Checkout) -> int:
    """How often SageMaker has refused a job for the quota so far."""
    return sum(row.get("error") == "ResourceLimitExceeded" for row in journal(checkout, "CreateTransformJob"))


def seconds_from_rights_to_job(checkout: Checkout, jobs_before: int) -> float:
    """How long after the newest change of a policy the first job of a round was created."""
    changed = journal(checkout, "PutRolePolicy")[-1]["time"]
    created = journal(checkout, "CreateTransformJob")[jobs_before]["time"]
    return (datetime.fromisoformat(created) - datetime.fromisoformat(changed)).total_seconds()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout.make(tmp_path_factory.mktemp("account") / "checkout")
    try:
        made.start_cloud()
        yield made
    finally:
        made.make_target("reset")


@pytest.fixture(scope="module")
def given(checkout: Checkout) -> Account:
    return Account.make(checkout)


def up(checkout: Checkout, quota: int, round_: str, **settings: object) -> Said:
    """Deploy five jobs that nobody has run before, under a quota."""
    configure(checkout, **settings)
    checkout.write(".local/quotas.json", json.dumps({QUOTA: quota}))
    with added(checkout, {}, more=FOUR_MORE.replace("THIS", round_)):
        return checkout.make_target("up")


def statuses(checkout: Checkout) -> list[str]:
    return sorted(job["status"] for job in checkout.outputs()["transform_jobs"].values())


def destroy(checkout: Checkout, given: Account) -> None:
    """Destroy the stack; nothing of it is left, and all that was given is."""
    destroyed = checkout.make_target("destroy")
    assert destroyed.code == 0, destroyed.text
    assert "nothing of stack local is left" in destroyed.text
    subnets = checkout.client("ec2").describe_subnets(SubnetIds=given.subnets)["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} == {given.vpc}
    assert BUCKET in {bucket["Name"] for bucket in checkout.client("s3").list_buckets()["Buckets"]}
    assert checkout.client("iam").get_policy(PolicyArn=given.boundary)["Policy"]["Arn"] == given.boundary


def test_what_is_given_is_used_limits_every_role_and_outlives_the_stack(checkout: Checkout, given: Account) -> None:
    forbidding = boundary(checkout, "no-jobs", ["s3", "logs", "cloudwatch"])
    configure(checkout, **given.settings | {"permissionsBoundary": forbidding, "existingVpcId": "vpc-00000000"})
    refused = checkout.make_target("preview")
    assert refused.code != 0
    assert "existingVpcId: 'vpc-00000000' is not in us-east-1" in refused.text
    assert f"permissionsBoundary: '{forbidding}' forbids sagemaker:CreateTransformJob" in refused.text

    two = up(checkout, 2, "two", **given.settings)
    assert two.code == 0, two.text
    assert statuses(checkout) == ["Completed"] * 5
    assert refusals(checkout) > 0  # three of the five were refused at first, and started by the operator later

    roles = checkout.client("iam").list_roles()["Roles"]
    ours = [role["RoleName"] for role in roles if role["RoleName"].startswith("batch-workshop-")]
    limited = [checkout.client("iam").get_role(RoleName=name)["Role"] for name in ours]
    assert {role["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in limited} == {given.boundary}

    destroy(checkout, given)
    keys = [row["Key"] for row in checkout.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert {key.partition("/")[0] for key in keys} == {"input", "output"}


@pytest.mark.soak
def test_few_jobs_at_once_pass_a_small_quota_and_none_pass_a_quota_of_zero(checkout: Checkout) -> None:
    one = up(checkout, 1, "one")
    assert one.code == 0, one.text
    assert statuses(checkout) == ["Completed"] * 5
    waited, jobs = refusals(checkout), len(journal(checkout, "CreateTransformJob"))
    assert waited > 0

    laned = up(checkout, 2, "laned", maxJobsAtOnce=2, iamDelaySeconds=DELAY, outputBuckets=["another-bucket"])
    assert laned.code == 0, laned.text
    assert refusals(checkout) == waited
    assert seconds_from_rights_to_job(checkout, jobs) >= DELAY

    none = up(checkout, 0, "none", maxJobsAtOnce=0)
    assert none.code != 0
    assert "'ml.m5.large for transform job usage' is 0 Instances" in none.text
    assert "4 of 5 transform jobs did not complete" in none.text


OPTIONS: dict[str, list[str]] = {
    "network": ["existingVpcId", "existingSubnetIds"],
    "bucket": ["existingBucket"],
    "boundary": ["permissionsBoundary"],
    "lanes": ["maxJobsAtOnce"],
    "delay": ["iamDelaySeconds"],
}


@pytest.mark.soak
@pytest.mark.parametrize("pair", list(itertools.combinations(OPTIONS, 2)), ids=" and ".join)
def test_a_stack_with_two_options_comes_and_goes(checkout: Checkout, given: Account, pair: tuple[str, str]) -> None:
    was = (checkout.path / "Pulumi.local.yaml").read_text()
    settings = {**given.settings, "maxJobsAtOnce": 1, "iamDelaySeconds": 1}
    try:
        made = up(checkout, 20, "-".join(pair), **{key: settings[key] for option in pair for key in OPTIONS[option]})
        assert made.code == 0, made.text
        assert statuses(checkout) == ["Completed"] * 5
        destroy(checkout, given)
    finally:
        checkout.write("Pulumi.local.yaml", was)
