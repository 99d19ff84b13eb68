import contextlib
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import uuid
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from localcloud.cluster import control_plane
from localcloud.cluster.backend import ClusterEndpoint, LocalClusters
from localcloud.cluster.control_plane import ClusterError, ControlPlane, StartError
from localcloud.go import binaries
from localcloud.go.programs import CONTROL_PLANE
from localcloud.kube import Connection, KubeApi, KubernetesError
from tests.localcloud.cluster.stage import GOOD_TOKEN, until
from tests.processes import descendants, is_alive

pytestmark = pytest.mark.xdist_group("cluster")
CRD_GROUP = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def bearer(endpoint: ClusterEndpoint, path: str, token: str) -> dict[str, Any]:
    """A request with a token instead of a certificate."""
    context = ssl.create_default_context(cadata=endpoint.certificate_authority.decode())
    return KubeApi(Connection(endpoint.endpoint, context, token=token)).get(path)


@contextlib.contextmanager
def crd(api: KubeApi) -> Generator[str]:
    """A new kind; gives the path of its objects in the namespace default."""
    plural = f"things{uuid.uuid4().hex[:6]}"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": "example.test",
        "names": {"kind": plural.title(), "plural": plural},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    metadata = {"name": f"{plural}.example.test"}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    api.create(CRD_GROUP, {**kind, "metadata": metadata, "spec": spec})
    path = f"/apis/example.test/v1/namespaces/default/{plural}"
    until(lambda: api.find(path), "the kind is served")
    yield path
    api.delete(f"{CRD_GROUP}/{metadata['name']}")


def thing(path: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "example.test/v1", "kind": path.rpartition("/")[2].title(), "metadata": {"name": name}}


@pytest.mark.e2e
def test_the_cluster_is_ready_and_of_the_asked_version(api: KubeApi) -> None:
    assert not api.unready()
    assert api.get("/version")["gitVersion"] == "v1.35.4"
    names = {item["metadata"]["name"] for item in api.get("/api/v1/namespaces")["items"]}
    assert {"default", "kube-system"} <= names


@pytest.mark.e2e
def test_kubectl_is_of_the_same_version(endpoint: ClusterEndpoint) -> None:
    kubectl = binaries.control_plane().kubectl
    command = [kubectl, f"--kubeconfig={endpoint.admin_kubeconfig}", "version", "--output=json"]
    versions = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert versions["clientVersion"]["gitVersion"] == versions["serverVersion"]["gitVersion"] == "v1.35.4"
    assert (versions["serverVersion"]["major"], versions["serverVersion"]["minor"]) == ("1", "35")


@pytest.mark.e2e
def test_the_administrator_s_kubeconfig_is_private(endpoint: ClusterEndpoint) -> None:
    assert stat.S_IMODE(endpoint.admin_kubeconfig.stat().st_mode) == 0o600


@pytest.mark.e2e
def test_the_log_warns_of_no_request_that_was_answered_at_once(api: KubeApi, endpoint: ClusterEndpoint) -> None:
    api.get("/api/v1/namespaces")
    log = endpoint.admin_kubeconfig.parents[3] / "logs" / "one-control-plane.log"
    assert "GroupVersion" in log.read_text()
    assert not re.search(r'"request stats".*"time spent":"[\d.]+µs"', log.read_text())


@pytest.mark.e2e
def test_an_object_of_a_new_kind_goes_with_foreground_propagation(api: KubeApi) -> None:
    with crd(api) as path:
        api.create(path, thing(path, "a"))
        api.request("DELETE", f"{path}/a", body={"propagationPolicy": "Foreground"})
        until(lambda: api.find(f"{path}/a") is None, "the collector removes the object")


@pytest.mark.e2e
def test_dependents_go_before_their_owner(api: KubeApi) -> None:
    with crd(api) as path:
        owner = api.create(path, thing(path, "owner"))
        reference = {key: owner["metadata"][key] for key in ("name", "uid")} | {"blockOwnerDeletion": True}
        child = thing(path, "child")
        child["metadata"]["ownerReferences"] = [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], **reference}]
        child["metadata"]["finalizers"] = ["example.test/hold"]
        api.create(path, child)
        api.request("DELETE", f"{path}/owner", body={"propagationPolicy": "Foreground"})
        until(lambda: "deletionTimestamp" in api.get(f"{path}/child")["metadata"], "the child is being deleted")
        assert api.find(f"{path}/owner")
        api.patch(f"{path}/child", {"metadata": {"finalizers": None}})
        until(lambda: api.find(f"{path}/owner") is None, "the owner goes")


@pytest.mark.e2e
def test_a_namespace_goes_with_all_that_is_in_it(api: KubeApi) -> None:
    name = f"doomed-{uuid.uuid4().hex[:6]}"
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    api.create(
        f"/api/v1/namespaces/{name}/configmaps", {"metadata": {"name": "a", "finalizers": ["example.test/hold"]}}
    )
    api.delete(f"/api/v1/namespaces/{name}")
    held = f"/api/v1/namespaces/{name}/configmaps/a"
    until(lambda: "deletionTimestamp" in api.get(held)["metadata"], "its objects are deleted")
    assert api.find(f"/api/v1/namespaces/{name}")
    api.patch(held, {"metadata": {"finalizers": None}})
    until(lambda: api.find(f"/api/v1/namespaces/{name}") is None, "the namespace goes")


@pytest.mark.e2e
def test_rules_of_labelled_cluster_roles_are_aggregated(api: KubeApi) -> None:
    base, name = "/apis/rbac.authorization.k8s.io/v1/clusterroles", f"extra-{uuid.uuid4().hex[:6]}"
    rule = {"apiGroups": [name], "resources": ["things"], "verbs": ["get"]}
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    api.create(base, {"metadata": {"name": name, "labels": labels}, "rules": [rule]})
    until(lambda: rule in api.get(f"{base}/view")["rules"], "view has the rule")
    api.delete(f"{base}/{name}")


@pytest.mark.e2e
def test_an_eks_token_is_authenticated_by_the_webhook(endpoint: ClusterEndpoint) -> None:
    assert bearer(endpoint, "/api/v1/secrets", GOOD_TOKEN)["kind"] == "SecretList"
    with pytest.raises(KubernetesError) as refused:
        bearer(endpoint, "/api/v1/secrets", "k8s-aws-v1.forged")
    assert refused.value.status == 401


@pytest.mark.e2e
def test_a_cluster_of_another_version_is_refused(clusters: LocalClusters) -> None:
    with pytest.raises(ClusterError, match=r"1\.29 was asked for, and the local cloud runs v1\.35\.4"):
        clusters.create_cluster("old", "1.29")


def answers(endpoint: ClusterEndpoint) -> bool:
    return KubeApi.from_kubeconfig(endpoint.admin_kubeconfig).unready() == ""


@pytest.mark.e2e
def test_a_cluster_s_name_is_taken_once(clusters: LocalClusters, endpoint: ClusterEndpoint) -> None:
    with pytest.raises(ClusterError, match="already runs"):
        clusters.create_cluster("one", "1.35")
    assert answers(endpoint)


@pytest.mark.e2e
def test_a_second_cluster_takes_another_port_than_one_that_is_taken_and_dies_alone(
    clusters: LocalClusters, endpoint: ClusterEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_port, given = control_plane.free_port, list[int]()
    with socket.create_server(("127.0.0.1", 0)) as taken:

        def first_the_taken() -> int:
            given.append(free_port() if given else taken.getsockname()[1])
            return given[-1]

        monkeypatch.setattr(control_plane, "free_port", first_the_taken)
        before = descendants(os.getpid())
        second = clusters.create_cluster("two", "1.35")
    assert len(given) > 1
    assert second.endpoint == f"https://127.0.0.1:{given[-1]}"
    (pid,) = (pid for pid in descendants(os.getpid()) if pid not in before and is_alive(pid))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid), "it is dead")
    assert answers(endpoint)
    clusters.delete_cluster("two")
    assert not second.admin_kubeconfig.parent.exists()


@pytest.mark.e2e
def test_nothing_is_left_when_the_owner_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.localcloud.cluster.owner", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "joined\n"
        children = descendants(owner.pid)
        assert len(children) >= 2
        owner.kill()
    until(lambda: not any(is_alive(pid) for pid in children), "all children are gone")


@pytest.mark.e2e
@pytest.mark.soak
def test_nothing_is_left_when_the_owner_is_told_to_stop(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.localcloud.cluster.owner", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "joined\n"
        children = descendants(owner.pid)
        owner.terminate()
        assert owner.wait(60) == 0
    assert not any(is_alive(pid) for pid in children)
    assert list((tmp_path / "run" / "clusters").iterdir()) == []


def programs(folder: Path, script: str) -> binaries.Binaries:
    folder.mkdir()
    for name in CONTROL_PLANE.names:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return binaries.Binaries.within(folder)


@pytest.mark.parametrize(
    ("end", "how"),
    [
        pytest.param("exit 3", "ended with code 3", id="by itself"),
        pytest.param("kill -9 $$", "was killed by signal 9", id="killed"),
    ],
)
def test_a_control_plane_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path, end: str, how: str) -> None:
    found = programs(tmp_path / "bin", f'echo "bad flag" >&2; {end}')
    plane = ControlPlane("x", tmp_path / "run", tmp_path / "logs", found, "http://127.0.0.1:9")
    with pytest.raises(StartError, match=rf"x did not start\. Its control plane {how}; log: .*; last line: bad flag"):
        plane.start()
    assert plane.pid is None


def test_a_cluster_may_be_stopped_while_it_starts(tmp_path: Path) -> None:
    found = programs(tmp_path / "bin", "exec sleep 30")
    plane = ControlPlane("x", tmp_path / "run", tmp_path / "logs", found, "http://127.0.0.1:9")
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(plane.start)
        pid = until(lambda: plane.pid, "the process starts")
        plane.wipe()
        with pytest.raises(StartError, match="was stopped while it started"):
            starting.result()
    assert not is_alive(pid)


def test_a_port_that_another_took_is_tried_again(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    found = programs(tmp_path / "bin", f'echo x >> {tries}; echo "bind: address already in use"; exit 1')
    plane = ControlPlane("x", tmp_path / "run", tmp_path / "logs", found, "http://127.0.0.1:9")
    with pytest.raises(StartError):
        plane.start()
    assert len(tries.read_text().splitlines()) >= 3


def test_a_cluster_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_plane, "_START_DEADLINE_SECONDS", 0.2)
    found = programs(tmp_path / "bin", "exec sleep 30")
    plane = ControlPlane("x", tmp_path / "run", tmp_path / "logs", found, "http://127.0.0.1:9")
    with pytest.raises(StartError, match=r"not ready after 0 s: .*Connection refused; the log is"):
        plane.start()
    assert plane.pid is None
