"""Conditions that an account sets: a VPC, a bucket, a boundary, a newer cluster, an older chart, a quota."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pulumi
import pytest

from jobs.arguments import Schedule, TransformJobArgs
from jobs.declaration import Jobs
from lookups.quotas import Quota
from tests.program.harness import ACCOUNT, Answer, Graph, deploy
from tests.program.jobs import CSV, JOB, run

VPC = "vpc-0a1b2c3d4e5f60718"
SUBNETS = ["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"]
NETWORK = {"existingVpcId": VPC, "existingSubnetIds": SUBNETS}
BUCKET = {"existingBucket": "shared-results"}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limits"
RELEASE = "kubernetes:helm.sh/v3:Release"


def network(
    *,
    vpcs: list[str] | None = None,
    found: list[str] | None = None,
    dns: bool = True,
    vpc_of: Mapping[str, str] | None = None,
    zones: Mapping[str, str] | None = None,
) -> dict[str, Answer]:
    """An account with a VPC of two subnets, each in a zone of its own, or what a case has otherwise."""
    ids = {SUBNETS[0]: "use1-az1", SUBNETS[1]: "use1-az2", **(zones or {})}

    def subnet(asked: Mapping[str, Any]) -> dict[str, Any]:
        zone = ids[asked["id"]]
        owner = (vpc_of or {}).get(asked["id"], VPC)
        return {"id": asked["id"], "vpcId": owner, "availabilityZoneId": zone, "availabilityZone": f"zone of {zone}"}

    return {
        "getVpcs": lambda _: {"ids": [VPC] if vpcs is None else vpcs},
        "getVpc": lambda _: {"id": VPC, "enableDnsSupport": True, "enableDnsHostnames": dns},
        "getSubnets": lambda asked: {"ids": asked["filters"][0]["values"] if found is None else found},
        "getSubnet": subnet,
    }


def bucket(region: str = "us-east-1") -> dict[str, Answer]:
    return {"getBucket": lambda asked: {"bucket": asked["bucket"], "bucketRegion": region}}


def fail(message: str, _: Mapping[str, Any]) -> dict[str, Any]:
    raise ValueError(message)


def boundary(**statement: Any) -> dict[str, Answer]:
    return {"getPolicy": lambda _: {"policy": json.dumps({"Statement": [{"Resource": "*", **statement}]})}}


def no_resources_but_the_provider(graph: Graph) -> bool:
    return {found.type for found in graph.resources.values()} <= {"pulumi:pulumi:Stack", "pulumi:providers:aws"}


@pytest.mark.parametrize(
    ("config", "answers", "words"),
    [
        pytest.param(
            {"aws:region": "us-esat-1"},
            {},
            "aws:region: AWS has no 'us-esat-1'. Allowed: a name that AWS has; is us-east-1 meant?",
            id="a region that is misspelt",
        ),
        pytest.param(
            {"nodeInstanceType": "t3.smal"}, {}, "nodeInstanceType: AWS has no 't3.smal'", id="a node that is misspelt"
        ),
        pytest.param(
            {"transformInstanceType": "ml.m5.larg", "allowedTransformInstanceTypes": ["ml.m5.larg"]},
            {},
            "is ml.m5.large meant?",
            id="a transform type that is misspelt",
        ),
        pytest.param(NETWORK, network(vpcs=[]), f"existingVpcId: '{VPC}' is not in us-east-1", id="no such VPC"),
        pytest.param(NETWORK, network(dns=False), f"existingVpcId: '{VPC}' does not resolve names", id="no DNS"),
        pytest.param(
            NETWORK,
            network(found=SUBNETS[:1]),
            f"existingSubnetIds: us-east-1 has no {SUBNETS[1]}",
            id="no such subnet",
        ),
        pytest.param(
            NETWORK,
            network(vpc_of={SUBNETS[1]: "vpc-0bbbbbbbb"}),
            f"existingSubnetIds: {SUBNETS[1]} of vpc-0bbbbbbbb is in another VPC",
            id="a subnet of another VPC",
        ),
        pytest.param(
            NETWORK,
            network(zones={SUBNETS[1]: "use1-az1"}),
            "existingSubnetIds: all are in one zone",
            id="subnets in one zone",
        ),
        pytest.param(
            NETWORK,
            network(zones={SUBNETS[1]: "use1-az3"}),
            f"existingSubnetIds: EKS is not in the zone of {SUBNETS[1]}",
            id="a zone without EKS",
        ),
        pytest.param(
            NETWORK,
            {"getVpcs": partial(fail, "not authorized\nmore")},
            "cannot be read: not authorized.",
            id="a VPC that may not be looked at",
        ),
        pytest.param(
            BUCKET, bucket("eu-west-1"), "existingBucket: 'shared-results' is in eu-west-1", id="a bucket abroad"
        ),
        pytest.param(
            BUCKET,
            {"getBucket": partial(fail, "couldn't find resource")},
            "existingBucket: 'shared-results' cannot be read",
            id="no such bucket",
        ),
        pytest.param(
            {"permissionsBoundary": BOUNDARY},
            boundary(Effect="Allow", Action=["s3:*", "logs:*"]),
            f"permissionsBoundary: '{BOUNDARY}' forbids sagemaker:CreateTransformJob",
            id="a boundary that forbids the job",
        ),
        pytest.param(
            {"permissionsBoundary": BOUNDARY},
            {"getPolicy": partial(fail, "NoSuchEntity")},
            "cannot be read",
            id="no such boundary",
        ),
    ],
)
@pytest.mark.parametrize("preview", [pytest.param(True, id="preview"), pytest.param(False, id="up")])
def test_what_is_given_and_does_not_fit_is_refused_before_anything_is_created(
    config: Mapping[str, object], answers: Mapping[str, Answer], words: str, *, preview: bool
) -> None:
    graph = deploy(config=config, answers=answers, preview=preview)
    assert isinstance(graph.error, pulumi.RunError)
    assert words in str(graph.error)
    assert str(graph.error).startswith("1 problem in the settings; nothing was created.\n")
    assert no_resources_but_the_provider(graph)


def test_a_name_that_may_be_newer_than_the_list_of_names_is_allowed_with_a_warning() -> None:
    graph = deploy(config={"aws:region": "eusc-de-west-9", "nodeInstanceType": "m9x.large"})
    assert graph.error is None
    said = [text.partition(" is either wrong or newer")[0] for _, text in graph.messages]
    assert {"aws:region: 'eusc-de-west-9'", "nodeInstanceType: 'm9x.large'"} <= set(said)


def test_all_that_does_not_fit_is_said_at_once() -> None:
    graph = deploy(config={**NETWORK, **BUCKET}, answers={**network(vpcs=[], found=[]), **bucket("eu-west-1")})
    assert str(graph.error).startswith("3 problems in the settings")


def test_a_given_network_is_used_and_none_is_made() -> None:
    graph = deploy(config=NETWORK, answers=network())
    assert graph.error is None
    assert not [found.urn for found in graph.resources.values() if found.type.startswith("aws:ec2/")]
    cluster = graph.one("eks:index:Cluster").inputs
    assert (cluster["vpcId"], cluster["subnetIds"]) == (VPC, SUBNETS)
    assert "publicSubnetIds" not in cluster
    assert graph.one("eks:index:ManagedNodeGroup").inputs["subnetIds"] == SUBNETS


def test_a_given_bucket_is_used_and_keeps_its_owners_rules() -> None:
    graph = deploy(config=BUCKET, answers=bucket())
    assert graph.error is None
    assert {found.type for found in graph.resources.values() if found.type.startswith("aws:s3/")} == {
        "aws:s3/bucketObjectv2:BucketObjectv2"
    }
    assert graph.outputs["bucket_name"] == "shared-results"
    assert graph.one(JOB).inputs["spec"]["transformOutput"]["s3OutputPath"].startswith("s3://shared-results/output/")
    execution = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy", "batch-workshop-execution").inputs["policy"])
    assert "arn:aws:s3:::shared-results" in json.dumps(execution)


def test_a_boundary_that_may_not_be_read_is_trusted_with_a_warning() -> None:
    refuse = {"getPolicy": partial(fail, "AccessDenied: not authorized to perform: iam:GetPolicy")}
    graph = deploy(config={"permissionsBoundary": BOUNDARY}, answers=refuse)
    assert graph.error is None
    assert any("what it forbids shows only when a job runs" in text for _, text in graph.messages)


def test_the_boundary_is_on_every_role() -> None:
    graph = deploy(config={"permissionsBoundary": BOUNDARY}, answers=boundary(Effect="Allow", Action="*"))
    assert graph.error is None
    assert {role.inputs["permissionsBoundary"] for role in graph.all("aws:iam/role:Role")} == {BOUNDARY}


def test_the_boundary_is_on_the_roles_of_schedules_and_delivery_too() -> None:
    def nightly(jobs: Jobs) -> None:
        jobs.add("nightly", TransformJobArgs(input="s3://somebodys-bucket/nightly/", schedule=Schedule("rate(1 day)")))

    config = {"permissionsBoundary": BOUNDARY, "deliveryRepository": "ana/batch", "inputBuckets": ["somebodys-bucket"]}
    graph = run(nightly, config=config, answers=boundary(Effect="Allow", Action="*"))
    assert graph.error is None
    assert {role.inputs.get("permissionsBoundary") for role in graph.all("aws:iam/role:Role")} == {BOUNDARY}
    assert len(graph.all("aws:iam/role:Role")) == 7


def test_without_a_boundary_roles_have_none() -> None:
    assert not [role for role in deploy().all("aws:iam/role:Role") if "permissionsBoundary" in role.inputs]


def hooks(graph: Graph) -> dict[str, tuple[list[str], list[str]]]:
    """Which resources run something after they were created, and after they were changed."""
    return {
        f"{found.type.rpartition(':')[2]} {found.name}": (
            list(found.options.hooks.after_create),
            list(found.options.hooks.after_update),
        )
        for found in graph.resources.values()
        if found.options.hooks.after_create or found.options.hooks.after_update
    }


def test_a_changed_right_is_waited_for_by_what_uses_it() -> None:
    wait = ["batch-workshop-rights-are-seen"]
    found = hooks(deploy(config={"iamDelaySeconds": 15}))
    assert found == {
        **{f"Role batch-workshop-{part}": ([], wait) for part in ("cluster", "node", "operator", "execution")},
        **{f"RolePolicy batch-workshop-{part}": (wait, wait) for part in ("operator", "execution")},
    }


def test_a_delay_of_0_is_none() -> None:
    assert hooks(deploy(config={"iamDelaySeconds": 0})) == {}


def standing(version: str) -> dict[str, Answer]:
    return {
        "getClusters": lambda _: {"names": ["another", "batch-workshop"]},
        "getCluster": lambda asked: {"name": asked["name"], "version": version},
    }


@pytest.mark.parametrize(
    ("version", "expected", "warned"),
    [
        pytest.param("1.34", "1.35", False, id="older: it is upgraded"),
        pytest.param("1.35", "1.35", False, id="as the setting says"),
        pytest.param("1.36", "1.36", True, id="newer: it stays"),
        pytest.param("1.40", "1.40", True, id="newer than the table knows: it stays"),
    ],
)
def test_a_cluster_that_stands_is(version: str, expected: str, *, warned: bool) -> None:
    graph = deploy(config={"kubernetesVersion": "1.35"}, answers=standing(version))
    assert graph.error is None
    assert graph.one("eks:index:Cluster").inputs["version"] == expected
    line = f"pulumi config set kubernetesVersion {version} --stack local"
    assert any(line in text for _, text in graph.messages) == warned


def test_kube_proxy_and_cni_are_those_of_the_clusters_version() -> None:
    cluster = deploy(answers=standing("1.36")).one("eks:index:Cluster").inputs
    assert cluster["kubeProxyAddonOptions"]["version"].startswith("v1.36.")
    assert cluster["vpcCniOptions"]["addonVersion"].startswith("v1.2")


def release(version: str) -> dict[str, Answer]:
    state = {
        "urn:another": {"type": RELEASE, "outputs": {"name": "monitoring", "version": "99.0.0"}},
        "urn:release": {"type": RELEASE, "outputs": {"name": "ack-sagemaker", "version": version}},
        "urn:other": {"type": "x", "outputs": {}},
    }
    return {"readStackResourceOutputs": lambda _: {"outputs": state}}


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        pytest.param({"chartVersion": "1.10.0"}, True, id="raised"),
        pytest.param({"chartVersion": "1.10.0", "crdsVersion": "1.10.0"}, False, id="raised after `make crds`"),
        pytest.param({}, False, id="unchanged"),
        pytest.param({"chartVersion": "1.10.0", "operatorInstall": "existing"}, False, id="somebody else's operator"),
    ],
)
def test_a_chart_version_against_the_definitions_in_the_cluster(config: Mapping[str, object], *, refused: bool) -> None:
    graph = deploy(config=config, answers=release("1.9.1"), preview=True)
    assert ("make crds STACK=local" in str(graph.error)) == refused
    assert bool(graph.all(RELEASE)) == (not refused and config.get("operatorInstall") != "existing")


def five(jobs: Jobs) -> None:
    for number in range(5):
        jobs.add(f"j{number}", TransformJobArgs(input=CSV, max_payload_in_mb=number + 1))


def quota(value: float) -> Callable[[str, str], Quota]:
    return lambda kind, _: Quota("sagemaker", "L-1", f"{kind} for transform job usage", value)


def test_lanes_are_dependencies_between_jobs_and_leave_names_alone() -> None:
    free, laned = run(five), run(five, config={"maxJobsAtOnce": 2})
    jobs = {found.name: found for found in laned.all(JOB)}
    assert jobs["j0"].urn in jobs["j2"].dependencies
    assert jobs["j1"].urn in jobs["j3"].dependencies
    assert jobs["j2"].urn in jobs["j4"].dependencies
    assert jobs["j0"].urn not in jobs["j1"].dependencies
    assert {name: found.inputs for name, found in jobs.items()} == {found.name: found.inputs for found in free.all(JOB)}


@pytest.mark.parametrize(
    ("config", "value", "warned"),
    [
        pytest.param({}, 2, True, id="five jobs, a quota of 2"),
        pytest.param({"maxJobsAtOnce": 2}, 2, False, id="five jobs in two lanes"),
        pytest.param({}, 5, False, id="a quota for all"),
    ],
)
def test_a_preview_says_when_the_quota_holds_jobs_back(
    config: Mapping[str, object], value: float, *, warned: bool
) -> None:
    graph = run(five, config=config, quota=quota(value), preview=True)
    assert graph.error is None
    assert any("up to 5 of ml.m5.large would run at once" in text for _, text in graph.messages) == warned


def test_up_does_not_ask_for_quotas() -> None:
    graph = run(five, quota=quota(0))
    assert graph.messages == []


def test_an_account_that_does_not_say_which_cluster_stands_is_reported_in_one_line() -> None:
    graph = deploy(answers={"getClusters": partial(fail, "AccessDeniedException: not authorized")})
    assert isinstance(graph.error, pulumi.RunError)
    assert str(graph.error).endswith(
        "the version of the cluster batch-workshop cannot be read from EKS: AccessDeniedException: not authorized."
    )
