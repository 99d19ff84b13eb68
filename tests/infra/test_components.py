"""Layer 1's components as a program of somebody else uses them: by name, arguments and options, and several of a kind."""

import pulumi
import pytest

from infra.cluster import Cluster, ClusterArgs
from infra.delivery import Delivery, DeliveryArgs
from infra.identity import Identity, IdentityArgs
from infra.network import Network, NetworkArgs
from infra.operator import Operator, OperatorArgs
from infra.policies import Scope
from infra.schedule import Schedules, SchedulesArgs
from infra.storage import Storage, StorageArgs
from tests.program.harness import ACCOUNT, Graph, Registered, deploy

NAMES = ("blue", "green")
NAMESPACE, SERVICE_ACCOUNT = "operators", "sagemaker"
TYPES = ["ml.m5.large"]


def declare(name: str) -> None:
    """Declare layer 1 under a name, from nothing but the components' own arguments."""
    scope = pulumi.Output.from_input(Scope("aws", "us-east-1", ACCOUNT, name))
    network = Network(name, NetworkArgs(region="us-east-1"))
    storage = Storage(name, StorageArgs(scope, results_expire_days=30))
    identity = Identity(
        name, IdentityArgs(scope, storage.bucket_name, f"{name}-eks", NAMESPACE, SERVICE_ACCOUNT, TYPES)
    )
    cluster = Cluster(
        name,
        ClusterArgs(
            cluster_name=f"{name}-eks",
            scope=scope,
            kubernetes_version="1.35",
            allowed_cidrs=["203.0.113.7/32"],
            vpc_id=network.vpc_id,
            subnet_ids=network.subnet_ids,
            cluster_role=identity.cluster,
            operator_role=identity.operator,
            operator_namespace=NAMESPACE,
            operator_service_account=SERVICE_ACCOUNT,
            node_instance_type="t3.small",
            node_role=identity.node,
        ),
    )
    Operator(
        name,
        OperatorArgs(
            install="helm",
            chart="oci://example.org/chart",
            chart_version="1.2.3",
            namespace=NAMESPACE,
            service_account=SERVICE_ACCOUNT,
            region="us-east-1",
            max_concurrent_syncs=2,
            role_arn=identity.operator.arn,
            cluster_name=cluster.cluster_name,
            cluster_provider=cluster.provider,
            cluster_ready=cluster.ready,
        ),
    )
    Schedules(name, SchedulesArgs(scope, ["nightly"], TYPES))
    Delivery(name, DeliveryArgs(scope, "someone/workshop"))


def declare_all() -> None:
    for name in NAMES:
        declare(name)


@pytest.fixture(scope="module")
def graph() -> Graph:
    found = deploy(declare_all)
    assert found.error is None
    return found


def component(graph: Graph, resource: Registered) -> Registered:
    return graph.resources[resource.parent]


def test_components_of_two_names_stand_side_by_side(graph: Graph) -> None:
    components = {(found.type, found.name) for found in graph.resources.values() if found.type.startswith("workshop:")}
    kinds = ("Network", "Storage", "Identity", "Cluster", "Operator", "Schedules", "Delivery")
    assert components == {(f"workshop:index:{kind}", name) for kind in kinds for name in NAMES}


def test_every_resource_is_a_child_of_its_component_and_carries_its_name(graph: Graph) -> None:
    children = [found for found in graph.resources.values() if not found.type.startswith(("workshop:", "pulumi:"))]
    assert len(children) > 2 * 40
    for child in children:
        assert component(graph, child).type.startswith("workshop:index:"), child.urn
        assert child.name.split("-")[0] == component(graph, child).name, child.urn


def test_a_component_uses_its_own_arguments(graph: Graph) -> None:
    for name in NAMES:
        association = graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation", f"{name}-operator").inputs
        assert (association["clusterName"], association["namespace"], association["serviceAccount"]) == (
            f"{name}-eks",
            NAMESPACE,
            SERVICE_ACCOUNT,
        )
        release = graph.one("kubernetes:helm.sh/v3:Release", f"{name}-operator").inputs
        assert (release["version"], release["values"]["serviceAccount"]["name"]) == ("1.2.3", SERVICE_ACCOUNT)
