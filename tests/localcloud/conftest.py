"""One real cluster with one node, for all tests that need an API server."""

import shlex
import sys
from collections.abc import Iterator

import pytest

from localcloud.cluster.backend import ClusterEndpoint, LocalClusters
from localcloud.kube import KubeApi
from tests.localcloud.cluster.stage import TEST_IMAGE, FakeAws


@pytest.fixture(scope="session")
def fake_aws() -> Iterator[FakeAws]:
    aws = FakeAws()
    yield aws
    aws.close()


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory, fake_aws: FakeAws) -> Iterator[LocalClusters]:
    clusters = LocalClusters(
        tmp_path_factory.mktemp("home"),
        lambda name: f"{fake_aws.url}/_localcloud/eks/{name}/token-review",
        lambda: fake_aws.url,
        "us-east-1",
        images=[f"{TEST_IMAGE}:*={shlex.quote(sys.executable)}"],
    )
    yield clusters
    clusters.close()


@pytest.fixture(scope="session")
def endpoint(clusters: LocalClusters) -> ClusterEndpoint:
    """A cluster with one node, for all tests that leave it as they found it."""
    endpoint = clusters.create_cluster("one", "1.35")
    clusters.create_nodegroup("one", "workers", {"team": "churn"})
    return endpoint


@pytest.fixture(scope="session")
def api(endpoint: ClusterEndpoint) -> KubeApi:
    return KubeApi.from_kubeconfig(endpoint.admin_kubeconfig)
