import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.cluster.backend import ClusterEndpoint, LocalClusters
from localcloud.cluster.control_plane import ClusterError
from localcloud.go import binaries
from localcloud.kube import KubeApi
from tests.localcloud.cluster.stage import TEST_IMAGE, FakeAws, until
from tests.processes import is_alive

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("cluster")]

# Prints what it was given, asks the agent if it has one, and stays.
PROGRAM = """
import json, os, sys, time, urllib.request
print(json.dumps({"args": sys.argv[1:], "env": dict(os.environ)}), flush=True)
if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ:
    token = open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read()
    request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": token})
    print("credentials", json.load(urllib.request.urlopen(request))["AccessKeyId"], flush=True)
time.sleep(600)
"""


@pytest.fixture
def name(api: KubeApi) -> Iterator[str]:
    """A name for a Deployment in the namespace demo, which is gone afterwards."""
    if api.find("/api/v1/namespaces/demo") is None:
        api.create("/api/v1/namespaces", {"metadata": {"name": "demo"}})
        api.create("/api/v1/namespaces/demo/serviceaccounts", {"metadata": {"name": "robot"}})
    name = f"app-{uuid.uuid4().hex[:6]}"
    yield name
    delete(api, name)


def deployment(name: str, image: str = f"{TEST_IMAGE}:1", account: str = "default") -> dict[str, Any]:
    reference = {"fieldRef": {"fieldPath": "metadata.namespace"}}
    container = {
        "name": "main",
        "image": image,
        "command": ["./bin/controller"],
        "args": ["-c", PROGRAM, "--namespace", "$(NAMESPACE)"],
        "env": [{"name": "NAMESPACE", "valueFrom": reference}, {"name": "AWS_ENDPOINT_URL", "value": ""}],
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], "serviceAccountName": account},
    }
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def create(api: KubeApi, manifest: dict[str, Any]) -> str:
    api.create("/apis/apps/v1/namespaces/demo/deployments", manifest)
    return str(manifest["metadata"]["name"])


def delete(api: KubeApi, name: str) -> None:
    path = f"/apis/apps/v1/namespaces/demo/deployments/{name}"
    if api.find(path):
        api.request("DELETE", path, body={"propagationPolicy": "Foreground"})
        until(lambda: not pods(api, name) and api.find(path) is None, "the Deployment goes")


def pods(api: KubeApi, name: str) -> list[dict[str, Any]]:
    return api.get("/api/v1/namespaces/demo/pods", labelSelector=f"app={name}")["items"]


def available(api: KubeApi, name: str) -> dict[str, Any]:
    """The status of a Deployment, once it is available."""

    def ask() -> dict[str, Any] | None:
        status = api.get(f"/apis/apps/v1/namespaces/demo/deployments/{name}").get("status", {})
        return status if status.get("availableReplicas") == 1 else None

    return until(ask, "the Deployment is available")


def pid(api: KubeApi, name: str) -> int:
    """The process of a Deployment's one pod."""

    def ask() -> str | None:
        found = [pod for pod in pods(api, name) if "deletionTimestamp" not in pod["metadata"]]
        statuses = found[0]["status"].get("containerStatuses") if found else None
        return statuses[0].get("containerID") if statuses else None

    return int(until(ask, "the process runs").removeprefix("process://"))


def log(endpoint: ClusterEndpoint, name: str) -> str:
    said = kubectl_logs(endpoint, name)
    assert said.returncode == 0, said.stderr
    return said.stdout


def kubectl_logs(endpoint: ClusterEndpoint, name: str, *flags: str) -> subprocess.CompletedProcess[str]:
    kubectl = binaries.control_plane().kubectl
    command = [kubectl, f"--kubeconfig={endpoint.admin_kubeconfig}", "-n", "demo", "logs", f"deployment/{name}", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_node_is_ready_and_carries_its_labels(api: KubeApi) -> None:
    node = api.get("/api/v1/nodes/workers.local")
    assert node["metadata"]["labels"]["team"] == "churn"
    assert node["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] == "workers"
    assert {one["type"]: one["status"] for one in node["status"]["conditions"]} == {"Ready": "True"}


def test_a_known_image_runs_as_a_process(api: KubeApi, endpoint: ClusterEndpoint, name: str) -> None:
    create(api, deployment(name))
    status = available(api, name)
    assert status["observedGeneration"] == 1
    assert {"type": "Available", "status": "True"}.items() <= status["conditions"][0].items()
    assert is_alive(pid(api, name))
    output = until(lambda: log(endpoint, name), "the process has said something")
    assert '"args": ["--namespace", "demo"]' in output
    before = kubectl_logs(endpoint, name, "--previous")
    assert before.returncode != 0
    assert "(BadRequest): previous terminated container" in before.stderr


def test_a_pod_gets_the_local_cloud_s_environment_and_no_credentials_of_the_user(
    api: KubeApi, endpoint: ClusterEndpoint, name: str
) -> None:
    create(api, deployment(name))
    pid(api, name)  # before there is a pod, kubectl has no log to ask for
    output = until(lambda: log(endpoint, name), "the process has said something")
    assert '"AWS_REGION": "us-east-1"' in output
    assert '"AWS_ENDPOINT_URL": "http://127.0.0.1:' in output
    for absent in ("AWS_ACCESS_KEY_ID", "AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        assert absent not in output


def test_a_pod_with_an_association_gets_its_role(api: KubeApi, endpoint: ClusterEndpoint, name: str) -> None:
    create(api, deployment(name, account="robot"))
    until(
        lambda: "credentials ASIAX" in log(endpoint, name) if pid(api, name) else False, "the agent gives credentials"
    )


def test_a_pod_is_its_service_account(api: KubeApi, endpoint: ClusterEndpoint, name: str) -> None:
    create(api, deployment(name, account="robot"))
    pid(api, name)
    (pod,) = pods(api, name)
    folder = endpoint.admin_kubeconfig.parent / "nodes" / "workers" / "pods" / pod["metadata"]["uid"]
    review = {
        "spec": {"token": (folder / "eks-pod-identity-token").read_text(), "audiences": ["pods.eks.amazonaws.com"]}
    }
    status = api.create("/apis/authentication.k8s.io/v1/tokenreviews", review)["status"]
    assert status["user"]["username"] == "system:serviceaccount:demo:robot"
    assert status["audiences"] == ["pods.eks.amazonaws.com"]
    command = [binaries.control_plane().kubectl, f"--kubeconfig={folder / 'kubeconfig'}", "get", "pods"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 'User "system:serviceaccount:demo:robot" cannot list resource "pods"' in answer.stderr


def test_a_process_that_dies_is_started_again(api: KubeApi, name: str) -> None:
    create(api, deployment(name))
    first = pid(api, name)
    os.kill(first, signal.SIGKILL)
    until(lambda: pid(api, name) != first, "another process runs")
    (container,) = pods(api, name)[0]["status"]["containerStatuses"]
    assert container["restartCount"] == 1
    assert container["lastState"]["terminated"]["exitCode"] == 137


def test_the_process_ends_with_its_deployment(api: KubeApi, name: str) -> None:
    create(api, deployment(name))
    running = pid(api, name)
    delete(api, name)
    assert not is_alive(running)


def test_a_deleted_pod_is_replaced(api: KubeApi, name: str) -> None:
    create(api, deployment(name))
    first = pid(api, name)
    api.delete(f"/api/v1/namespaces/demo/pods/{pods(api, name)[0]['metadata']['name']}")
    until(lambda: pid(api, name) != first, "another pod runs")
    until(lambda: not is_alive(first), "the first has ended")


def test_an_unknown_image_is_refused_with_those_that_run(api: KubeApi, name: str) -> None:
    create(api, deployment(name, image="nginx:1"))
    path = f"/apis/apps/v1/namespaces/demo/deployments/{name}"

    def refusal() -> str | None:
        conditions = api.get(path).get("status", {}).get("conditions", [])
        return next((one["message"] for one in conditions if one["type"] == "ImagesKnown"), None)

    message = until(refusal, "the Deployment says why")
    assert "nginx:1" in message
    assert "sagemaker-controller" in message
    assert pods(api, name)[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImagePull"
    assert not api.get(path)["status"].get("availableReplicas")


def test_an_endpoint_that_fails_for_a_while_is_waited_for(api: KubeApi, name: str, fake_aws: FakeAws) -> None:
    fake_aws.fails = True
    create(api, deployment(name, account="robot"))
    waiting = until(
        lambda: [pod for pod in pods(api, name) if pod.get("status", {}).get("containerStatuses")], "the node says why"
    )
    state = waiting[0]["status"]["containerStatuses"][0]["state"]["waiting"]
    assert state["reason"] == "CreateContainerConfigError"
    assert "ListPodIdentityAssociations" in state["message"]
    fake_aws.fails = False
    available(api, name)


def test_a_node_group_that_goes_takes_its_processes_and_its_node(
    clusters: LocalClusters, api: KubeApi, name: str
) -> None:
    clusters.create_nodegroup("one", "Second_Group", {})
    manifest = deployment(name)
    manifest["spec"]["template"]["spec"]["nodeSelector"] = {"eks.amazonaws.com/nodegroup": "Second_Group"}
    create(api, manifest)
    running = pid(api, name)
    clusters.delete_nodegroup("one", "Second_Group")
    assert not is_alive(running)
    assert api.find("/api/v1/nodes/second-group.local") is None
    clusters.delete_nodegroup("one", "Second_Group")


@pytest.mark.parametrize(
    ("cluster", "nodegroup", "message"),
    [
        pytest.param("none", "a", "No cluster named none", id="no such cluster"),
        pytest.param("one", "workers", "already has a node group named workers", id="twice"),
    ],
)
def test_a_node_group_that_cannot_be_is_refused(
    clusters: LocalClusters, endpoint: ClusterEndpoint, cluster: str, nodegroup: str, message: str
) -> None:
    with pytest.raises(ClusterError, match=message):
        clusters.create_nodegroup(cluster, nodegroup, {})


def test_logs_are_kept_under_the_workload_s_name(
    clusters: LocalClusters, api: KubeApi, name: str, endpoint: ClusterEndpoint
) -> None:
    create(api, deployment(name))
    pid(api, name)
    log_file: Path = endpoint.admin_kubeconfig.parents[3] / "logs" / f"demo-{name}.log"
    until(lambda: log_file.exists() and log_file.read_text(), "the log is written")
