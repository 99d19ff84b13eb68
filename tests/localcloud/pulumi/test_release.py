"""ACK's chart as a Release: what it takes, and its life on a real API server with a stand-in for the node."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from localcloud.operator.chart import CHART_REFERENCE
from localcloud.pulumi.kubernetes.cluster import Cluster
from localcloud.pulumi.kubernetes.errors import ApiError, UnreachableError
from localcloud.pulumi.kubernetes.release_record import Record
from tests.localcloud.pulumi.engine import Failed, Plugin, Resource

pytestmark = pytest.mark.xdist_group("kubernetes")
RELEASE = "kubernetes:helm.sh/v3:Release"
MERGE = "application/merge-patch+json"


def inputs(namespace: str = "", **more: Any) -> dict[str, Any]:
    return {
        "chart": CHART_REFERENCE,
        "version": "1.9.1",
        "name": f"ack-{secrets.token_hex(2)}",  # its cluster roles are named after it
        "namespace": namespace or f"ack-{secrets.token_hex(4)}",
        "createNamespace": True,
        "compat": "true",
        "timeout": 120,
        "values": {"aws": {"region": "us-east-1"}, "installScope": "namespace"},
        **more,
    }


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        pytest.param({"chart": "nginx"}, "chart", "cannot install nginx", id="other chart"),
        pytest.param({"version": "1.0.0"}, "version", "not 1.0.0", id="other version"),
        pytest.param({"repositoryOpts": {"repo": "https://x"}}, "repositoryOpts", "does not support", id="repository"),
        pytest.param({"values": {"aws": {"regoin": "x"}}}, "values", "regoin", id="misspelt value"),
        pytest.param({"values": {}}, "values", "region", id="no region"),
    ],
)
def test_bad_inputs_are_refused_by_name(kubernetes: Plugin, change: dict[str, Any], path: str, reason: str) -> None:
    assert reason in kubernetes.check(RELEASE, "op", {**inputs(), **change})[1][path]


@contextmanager
def node(cluster: Cluster, namespace: str) -> Generator[None]:
    """Says that the pods of a namespace run, as a node would."""
    ended = threading.Event()
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

    def work() -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        while not ended.wait(0.1):
            with contextlib.suppress(ApiError, UnreachableError):  # a pod may go meanwhile; the next round comes soon
                for pod in cluster.api.request("GET", path)["items"]:
                    if pod["status"]["phase"] == "Pending":
                        status = f"{path}/{pod['metadata']['name']}/status"
                        cluster.api.request("PATCH", status, None, {"status": running}, MERGE)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def records(cluster: Cluster, namespace: str) -> list[Record]:
    query = {"labelSelector": "owner=helm"}
    items = cluster.api.request("GET", f"/api/v1/namespaces/{namespace}/secrets", query)["items"]
    return sorted((Record.from_secret(s) for s in items), key=lambda record: record.revision)


def test_a_release_lives_from_install_to_uninstall(kubernetes: Plugin, cluster: Cluster) -> None:
    wanted = inputs()
    namespace, name = wanted["namespace"], wanted["name"]
    with node(cluster, namespace):
        made = kubernetes.create(RELEASE, "op", wanted)
        assert made.id == f"{namespace}/{name}"
        assert made.outputs["status"] == {
            "name": name,
            "namespace": namespace,
            "revision": 1,
            "status": "deployed",
            "version": "1.9.1",
            "chart": "sagemaker-chart",
            "appVersion": "1.9.1",
        }
        assert made.outputs["resourceNames"]["Deployment.apps/apps/v1"] == [f"{namespace}/{name}-sagemaker-chart"]
        checked, _ = kubernetes.check(RELEASE, "op", wanted, made.inputs)
        assert not list(kubernetes.diff(made, checked).diffs)
        read = kubernetes.read(made)
        assert read is not None
        assert (read.inputs, read.outputs) == (made.inputs, made.outputs)
        assert kubernetes.find("kubernetes", RELEASE, "op", made.inputs) == made.id

        with pytest.raises(Failed, match="cannot re-use a name that is still in use"):
            kubernetes.create(RELEASE, "op", wanted)

        more = {**wanted, "values": {**wanted["values"], "deployment": {"labels": {"team": "ml"}}}}
        upgraded = kubernetes.update(made, more)
        assert upgraded.outputs["status"]["revision"] == 2
        assert [record.status for record in records(cluster, namespace)] == ["superseded", "deployed"]
    kubernetes.delete(upgraded)
    assert kubernetes.read(upgraded) is None
    assert not records(cluster, namespace)
    assert not cluster.api.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    kubernetes.delete(upgraded)
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    assert cluster.get({**crd, "metadata": {"name": "transformjobs.sagemaker.services.k8s.aws"}})


def test_a_release_that_does_not_get_ready_is_kept_and_mended(kubernetes: Plugin, cluster: Cluster) -> None:
    wanted = inputs(timeout=1)
    namespace = wanted["namespace"]
    with pytest.raises(Failed, match="was created, but failed to initialize completely") as failure:
        kubernetes.create(RELEASE, "op", wanted)
    kept = failure.value.initialization
    assert kept.id == f"{namespace}/{wanted['name']}"
    assert [record.status for record in records(cluster, namespace)] == ["failed"]
    with node(cluster, namespace):
        mended = kubernetes.update(Resource(RELEASE, "op", wanted, kept.id, wanted), {**wanted, "timeout": 120})
    assert mended.outputs["status"]["status"] == "deployed"
    kubernetes.delete(mended)


def test_an_atomic_release_leaves_nothing(kubernetes: Plugin, cluster: Cluster) -> None:
    wanted = inputs(timeout=1, atomic=True)
    with pytest.raises(Failed, match="uninstalled due to atomic being set"):
        kubernetes.create(RELEASE, "op", wanted)
    assert not records(cluster, wanted["namespace"])


def test_objects_of_others_are_not_taken(kubernetes: Plugin, cluster: Cluster) -> None:
    wanted = inputs(skipAwait=True)
    namespace = wanted["namespace"]
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account = {"name": "ack-sagemaker-controller", "namespace": namespace}
    cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    with pytest.raises(Failed, match="exists and cannot be imported into the current release"):
        kubernetes.create(RELEASE, "op", wanted)


def test_without_its_namespace_a_release_says_so(kubernetes: Plugin) -> None:
    started = time.monotonic()
    with pytest.raises(Failed, match="set `createNamespace`"):
        kubernetes.create(RELEASE, "op", inputs(createNamespace=False))
    assert time.monotonic() - started < 60
