"""Each policy of AWS that the roles of cluster and nodes hold is needed: without it the run fails and names the action."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.checkout import Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.xdist_group("fresh")]


@pytest.mark.parametrize(
    ("managed", "action"),
    [
        pytest.param("AmazonEKSWorkerNodePolicy", "eks:DescribeCluster", id="node"),
        pytest.param("AmazonEKSClusterPolicy", "ec2:DescribeInstances", id="cluster"),
        pytest.param("AmazonEKS_CNI_Policy", "ec2:AssignPrivateIpAddresses", id="network"),
        pytest.param("AmazonEC2ContainerRegistryPullOnly", "ecr:GetAuthorizationToken", id="images"),
    ],
)
def test_a_role_without_its_policy_fails_the_run_which_names_action_and_cure(
    fresh: Callable[[], Checkout], managed: str, action: str
) -> None:
    checkout = fresh()
    whole = (checkout.path / "infra/identity.py").read_text()
    checkout.write("infra/identity.py", whole.replace(f'"{managed}", ', "").replace(f'"{managed}"', ""))
    up = checkout.make_target("up")
    assert up.code != 0
    assert f"is not authorized to perform: {action}" in up.text
    assert "Traceback" not in up.text
    checkout.write("infra/identity.py", whole)
    (cure,) = {line.partition("again: ")[2] for line in up.text.splitlines() if "again: aws eks delete-" in line}
    mended = checkout.shell(cure.replace("; ", "\n") + " --yes --skip-preview")
    assert mended.code == 0, mended.text
