"""The rules, applied to the resources that the program registers: with values and, as in a first preview, without most."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policy.rules import ALL
from policy.rules.resource import Resource
from tests.policy.inspection import from_export, inspect
from tests.program import harness
from tests.program.jobs import run
from tests.program.test_schedules import churn_and_nightly


def resources(graph: harness.Graph | None = None) -> list[Resource]:
    graph = graph or harness.deploy()
    assert graph.error is None
    return [
        Resource(
            found.type,
            found.name,
            found.urn,
            found.inputs,
            {member: list(entry.urns) for member, entry in found.options.propertyDependencies.items()},
        )
        for found in graph.resources.values()
    ]


def test_the_program_passes_every_rule() -> None:
    found = resources()
    assert {"aws:s3/bucket:Bucket", "aws:sagemaker/model:Model"} <= {resource.type for resource in found}
    assert inspect(ALL, found) == []


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(lambda: harness.deploy(config={"operatorInstall": "capability"}), id="capability"),
        pytest.param(lambda: harness.deploy(config={"operatorInstall": "existing"}), id="existing"),
        pytest.param(lambda: run(churn_and_nightly, config={"failureEmails": ["ops@example.org"]}), id="schedules"),
        pytest.param(lambda: harness.deploy(config={"deliveryRepository": "someone/workshop"}), id="delivery"),
    ],
)
def test_the_program_passes_every_rule_with_each_option(graph: Callable[[], harness.Graph]) -> None:
    assert inspect(ALL, resources(graph())) == []


@pytest.mark.parametrize(
    ("type_", "rules"),
    [
        pytest.param(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {"s3-block-public-access"},
            id="public access block",
        ),
        pytest.param("aws:s3/bucketPolicy:BucketPolicy", {"s3-tls-only"}, id="bucket policy"),
        pytest.param(
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpc-default-group-shut"}, id="default group"
        ),
    ],
)
def test_a_program_without_one_of_its_guards_is_stopped(type_: str, rules: set[str]) -> None:
    left = [resource for resource in resources() if resource.type != type_]
    assert {violation.rule for violation in inspect(ALL, left)} == rules


def test_a_stack_export_is_read_with_the_children_of_components() -> None:
    entry = {
        "urn": "urn:pulumi:local::p::eks:index:Cluster$aws:eks/cluster:Cluster::c",
        "type": "aws:eks/cluster:Cluster",
        "inputs": {"version": "1.20"},
        "propertyDependencies": {"version": None},
    }
    (resource,) = from_export({"deployment": {"resources": [entry]}})
    assert (resource.name, resource.property_dependencies) == ("c", {"version": []})
    assert "eks-supported-version" in {violation.rule for violation in inspect(ALL, [resource])}
