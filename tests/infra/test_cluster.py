"""One table lists the add-ons of each Kubernetes version."""

import re

import pytest

from infra.cluster import addons
from infra.settings import EKS_VERSIONS


@pytest.mark.parametrize("kubernetes", sorted(EKS_VERSIONS))
def test_each_version_pins_the_addons_that_are_looked_up_otherwise(kubernetes: str) -> None:
    pinned = EKS_VERSIONS[kubernetes]
    assert set(pinned) == {"kube-proxy", "vpc-cni"}
    assert pinned["kube-proxy"].startswith(f"v{kubernetes}.")
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", version) for version in pinned.values())


def test_a_version_that_the_table_lacks_gets_the_addons_of_the_nearest_older() -> None:
    assert addons("1.99") == EKS_VERSIONS[max(EKS_VERSIONS)]
