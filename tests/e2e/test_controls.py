"""The policy pack holds over the stack as it was deployed, children of components included."""

from __future__ import annotations

import json

import pytest

from policy.rules import ALL
from tests.e2e.checkout import Checkout
from tests.policy.inspection import from_export, inspect

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("standing")]


def test_the_deployed_stack_passes_every_rule(standing: Checkout) -> None:
    resources = from_export(json.loads(standing.shell("pulumi stack export").text))
    kinds = {resource.type for resource in resources}
    assert {"aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon"} <= kinds
    assert inspect(ALL, resources) == []


def test_a_stack_that_was_opened_to_the_world_is_stopped(standing: Checkout) -> None:
    exported = json.loads(standing.shell("pulumi stack export").text)
    (cluster,) = (r for r in exported["deployment"]["resources"] if r["type"] == "aws:eks/cluster:Cluster")
    cluster["inputs"]["vpcConfig"]["publicAccessCidrs"] = ["0.0.0.0/0"]
    assert [found.rule for found in inspect(ALL, from_export(exported))] == ["eks-endpoint-not-open"]
