"""Objects of a real API server: created, waited for, changed, replaced, deleted."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from localcloud.pulumi.kubernetes.cluster import Cluster
from localcloud.pulumi.kubernetes.errors import ApiError, UnreachableError
from localcloud.pulumi.wire import decode, encode
from tests.localcloud.pulumi.conftest import Start
from tests.localcloud.pulumi.engine import Failed, Plugin, Resource, urn

pytestmark = pytest.mark.xdist_group("kubernetes")
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
DEFINITION_PATCH = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch"
GROUP = f"plugins-{secrets.token_hex(3)}.example.com"
WIDGET = f"kubernetes:{GROUP}/v1:Widget"
JOB_DONE = (
    'jsonpath={[?@.transformJobStatus == "Completed" || @.transformJobStatus == "Failed" || '
    '@.transformJobStatus == "Stopped" || @.conditions[?@.status == "True" && (@.type == "ACK.Terminal" || '
    '@.type == "ACK.Recoverable" && @.message && search(@.message, "ValidationException|ResourceLimitExceeded"))]]}'
)


def fresh(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"


def config_map(name: str, data: dict[str, str], **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "annotations": annotations or {}},
        "data": data,
    }


def definition(group: str = GROUP) -> dict[str, Any]:
    status = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
    properties = {
        "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
        "status": status,
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [version],
        },
    }


def widget(name: str, annotations: dict[str, str] | None = None, size: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"size": size},
    }


@pytest.fixture(scope="session")
def widgets(kubernetes: Plugin) -> Resource:
    return kubernetes.create(DEFINITION, "widgets", definition())


@pytest.fixture(scope="session")
def upserting(start_plugin: Start, kubeconfig: Any) -> Plugin:
    plugin = start_plugin("kubernetes")
    plugin.configure(kubeconfig=str(kubeconfig), upsertExistingObjects="true")
    return plugin


def set_status(cluster: Cluster, name: str, status: dict[str, Any]) -> Any:
    path = f"/apis/{GROUP}/v1/namespaces/default/widgets/{name}/status"
    return cluster.api.request("PATCH", path, None, {"status": status}, "application/merge-patch+json")


def live(cluster: Cluster, kind: str, name: str, api_version: str = "v1", namespace: str = "default") -> Any:
    return cluster.get({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}})


def eventually(work: Callable[[], object]) -> None:
    """Work until it gives something, in a thread of its own, where an error would fail another test."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(ApiError, UnreachableError):
            if work():
                return
        time.sleep(0.05)


def test_an_object_lives_from_creation_to_deletion(kubernetes: Plugin, cluster: Cluster) -> None:
    name = fresh("life")
    made = kubernetes.create(SERVICE_ACCOUNT, "life", {**account(name), "automountServiceAccountToken": True})
    assert made.id == f"default/{name}"
    assert made.outputs["metadata"]["uid"]
    read = kubernetes.read(made)
    assert read is not None
    assert read.inputs == made.inputs
    assert not list(kubernetes.diff(made, made.inputs).diffs)
    wanted = {**account(name), "automountServiceAccountToken": False}
    difference = kubernetes.diff(made, wanted)
    assert list(difference.diffs) == ["automountServiceAccountToken"]
    assert not difference.replaces
    changed = kubernetes.update(made, wanted)
    assert live(cluster, "ServiceAccount", name)["automountServiceAccountToken"] is False
    assert kubernetes.find("kubernetes", SERVICE_ACCOUNT, "life", changed.inputs) == changed.id
    kubernetes.delete(changed)
    assert kubernetes.read(changed) is None
    assert kubernetes.find("kubernetes", SERVICE_ACCOUNT, "life", changed.inputs) == ""
    kubernetes.delete(changed)


def account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def test_a_field_left_out_later_is_removed(kubernetes: Plugin, cluster: Cluster) -> None:
    name = fresh("drop")
    labelled = {**account(name), "metadata": {"name": name, "labels": {"a": "1", "b": "2"}}}
    made = kubernetes.create(SERVICE_ACCOUNT, "drop", labelled)
    fewer = {**account(name), "metadata": {"name": name, "labels": {"a": "1"}}}
    kubernetes.update(made, fewer)
    assert live(cluster, "ServiceAccount", name)["metadata"]["labels"] == {"a": "1"}
    kubernetes.delete(made)


def test_a_name_is_generated_once_and_kept(kubernetes: Plugin) -> None:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    checked, _ = kubernetes.check(CONFIG_MAP, "auto", inputs)
    name = checked["metadata"]["name"]
    assert name.startswith("auto-")
    again, _ = kubernetes.check(CONFIG_MAP, "auto", inputs, checked)
    assert again == checked
    replacement, _ = kubernetes.check(CONFIG_MAP, "auto", inputs)
    assert replacement["metadata"]["name"] != name


@pytest.mark.parametrize(
    ("change", "replaces", "before"),
    [
        pytest.param({"data": {"a": "2"}}, True, True, id="data of a config map"),
        pytest.param({"metadata": {"name": "other"}}, True, False, id="name"),
        pytest.param({"metadata": {"name": "same", "namespace": "other"}}, True, False, id="namespace"),
        pytest.param({"metadata": {"name": "same", "namespace": "default"}}, None, False, id="default namespace"),
        pytest.param({"metadata": {"name": "same", "labels": {"a": "b"}}}, False, False, id="label"),
    ],
)
def test_what_a_change_means(kubernetes: Plugin, change: Any, replaces: bool | None, before: bool) -> None:
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "same"}, "data": {"a": "1"}}
    resource = Resource(CONFIG_MAP, "same", old, "default/same", old)
    difference = kubernetes.diff(resource, {**old, **change})
    assert bool(list(difference.diffs)) == (replaces is not None)
    assert bool(difference.replaces) == bool(replaces)
    assert difference.deleteBeforeReplace == before


def test_an_unknown_field_is_refused_by_name(kubernetes: Plugin) -> None:
    with pytest.raises(Failed, match='unknown field "dta"'):
        kubernetes.create(CONFIG_MAP, "typo", {**config_map(fresh("typo"), {}), "dta": {}})


def test_an_unknown_kind_is_refused_by_name(kubernetes: Plugin) -> None:
    token = "kubernetes:nowhere.example.com/v1:Thing"
    inputs = {"apiVersion": "nowhere.example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    checked, failures = kubernetes.check(token, "thing", inputs)
    assert not failures
    assert kubernetes.plan_create(token, "thing", checked) == checked
    with pytest.raises(Failed, match="apiVersion for this resource does not exist"):
        kubernetes.create(token, "thing", inputs)


def test_an_object_that_exists_is_refused_unless_upserting(
    kubernetes: Plugin, upserting: Plugin, cluster: Cluster
) -> None:
    name = fresh("exists")
    made = kubernetes.create(CONFIG_MAP, "exists", config_map(name, {"a": "1"}))
    with pytest.raises(Failed, match="already exists"):
        kubernetes.create(CONFIG_MAP, "exists", config_map(name, {"a": "2"}))
    with pytest.raises(Failed, match="conflict"):
        upserting.create(CONFIG_MAP, "exists", config_map(name, {"a": "2"}))
    taken = upserting.create(CONFIG_MAP, "exists", config_map(name, {"a": "2"}, **{"pulumi.com/patchForce": "true"}))
    assert taken.id == made.id
    assert live(cluster, "ConfigMap", name)["data"] == {"a": "2"}
    upserting.delete(taken)


def test_secret_data_stays_secret(kubernetes: Plugin) -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": fresh("s")}, "stringData": {"p": "w"}}
    properties = encode(inputs, {"stringData"})
    answer = kubernetes.call("Create", provider_pb2.CreateRequest(urn=urn(SECRET, "s"), properties=properties))
    assert {"data"} <= decode(answer.properties).secrets
    kubernetes.delete(Resource(SECRET, "s", inputs, answer.id, decode(answer.properties).values))


def test_a_namespace_goes_with_what_is_in_it(kubernetes: Plugin, cluster: Cluster) -> None:
    name = fresh("ns")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    made = kubernetes.create(NAMESPACE, "ns", namespace)
    assert made.id == name
    inner = config_map("inner", {"a": "1"})
    inner["metadata"]["namespace"] = name
    assert kubernetes.create(CONFIG_MAP, "inner", inner).id == f"{name}/inner"
    kubernetes.delete(made)
    assert live(cluster, "Namespace", name) is None


def test_creation_waits_for_a_namespace_under_way(kubernetes: Plugin, cluster: Cluster) -> None:
    name = fresh("late")
    inputs = config_map("early", {"a": "1"})
    inputs["metadata"]["namespace"] = name

    def later() -> None:
        time.sleep(0.5)
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    thread = threading.Thread(target=later)
    thread.start()
    made = kubernetes.create(CONFIG_MAP, "early", inputs)
    thread.join()
    kubernetes.delete(made)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"transformJobStatus": "Completed"}, id="completed"),
        pytest.param({"transformJobStatus": "Failed"}, id="failed"),
        pytest.param({"conditions": [{"type": "ACK.Terminal", "status": "True"}]}, id="terminal"),
        pytest.param(
            {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": "a ValidationException: no"}]},
            id="recoverable that does not heal",
        ),
    ],
)
def test_the_wait_ends(kubernetes: Plugin, cluster: Cluster, widgets: Resource, status: dict[str, Any]) -> None:
    name, ended = fresh("job"), 0.0

    def finish() -> None:
        nonlocal ended
        eventually(lambda: live(cluster, "Widget", name, f"{GROUP}/v1"))
        eventually(lambda: set_status(cluster, name, {"transformJobStatus": "InProgress", "conditions": []}))
        time.sleep(0.3)
        ended = time.monotonic()
        eventually(lambda: set_status(cluster, name, {"transformJobStatus": None, **status}))

    thread = threading.Thread(target=finish)
    thread.start()
    made = kubernetes.create(WIDGET, name, widget(name, {"pulumi.com/waitFor": JOB_DONE}))
    assert time.monotonic() - ended < 10
    thread.join()
    assert {**made.outputs["status"], **status} == made.outputs["status"]
    kubernetes.delete(made)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="no status"),
        pytest.param({"transformJobStatus": "InProgress"}, id="in progress"),
        pytest.param({"failureReason": "Completed"}, id="a reason that reads like an end"),
        pytest.param({"conditions": [{"type": "ACK.Terminal", "status": "False"}]}, id="terminal is false"),
        pytest.param(
            {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": "Throttling"}]}, id="throttling"
        ),
        pytest.param({"conditions": [{"type": "ACK.Recoverable", "status": "True"}]}, id="no message"),
    ],
)
def test_the_wait_goes_on(kubernetes: Plugin, cluster: Cluster, widgets: Resource, status: dict[str, Any]) -> None:
    name = fresh("wait")
    cluster.create(widget(name))
    set_status(cluster, name, status)
    resource = Resource(WIDGET, name, widget(name), f"default/{name}", live(cluster, "Widget", name, f"{GROUP}/v1"))
    annotations = {"pulumi.com/waitFor": JOB_DONE, "pulumi.com/timeoutSeconds": "1"}
    with pytest.raises(Failed, match="failed to fully initialize or become live: timed out waiting") as failure:
        kubernetes.update(resource, widget(name, annotations, 2))
    assert failure.value.initialization.id == f"default/{name}"
    assert failure.value.initialization.reasons
    kubernetes.delete(resource)


def test_a_timeout_keeps_the_object(kubernetes: Plugin, widgets: Resource) -> None:
    name = fresh("slow")
    with pytest.raises(Failed, match="was successfully created, but the Kubernetes API server reported") as failure:
        kubernetes.create(WIDGET, name, widget(name, {"pulumi.com/waitFor": "condition=Ready"}), timeout=1)
    assert failure.value.code is grpc.StatusCode.UNKNOWN
    kept = failure.value.initialization
    assert kept.id == f"default/{name}"
    assert kept.properties["spec"]["size"] == 1
    kubernetes.delete(Resource(WIDGET, name, widget(name), kept.id, widget(name)))


def test_cancelling_ends_a_wait_and_keeps_the_object(
    start_plugin: Start, kubeconfig: Any, cluster: Cluster, widgets: Resource
) -> None:
    plugin, name = start_plugin("kubernetes"), fresh("cancel")
    plugin.configure(kubeconfig=str(kubeconfig))

    def cancel() -> None:
        eventually(lambda: live(cluster, "Widget", name, f"{GROUP}/v1"))
        plugin.call("Cancel", empty_pb2.Empty())

    thread = threading.Thread(target=cancel)
    thread.start()
    started = time.monotonic()
    with pytest.raises(Failed, match="stopped on request") as failure:
        plugin.create(WIDGET, name, widget(name, {"pulumi.com/waitFor": "condition=Ready"}))
    assert time.monotonic() - started < 20
    thread.join()
    assert failure.value.initialization.id == f"default/{name}"


def test_a_malformed_wait_is_refused_in_check(kubernetes: Plugin) -> None:
    _, failures = kubernetes.check(WIDGET, "x", widget("x", {"pulumi.com/waitFor": "jsonpath={.status"}))
    assert "wrapped in brackets" in next(iter(failures.values()))


def test_a_patch_adds_short_names_to_a_definition_of_others(kubernetes: Plugin, cluster: Cluster) -> None:
    group = f"{fresh('g')}.example.com"
    owned = kubernetes.create(DEFINITION, "owned", definition(group))
    patch = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"widgets.{group}",
            "annotations": {"pulumi.com/patchFieldManager": "short-names", "pulumi.com/patchForce": "true"},
        },
        "spec": {"group": group, "names": {"kind": "Widget", "shortNames": ["wd"]}},
    }
    made = kubernetes.create(DEFINITION_PATCH, "names", patch)
    crd = live(cluster, "CustomResourceDefinition", f"widgets.{group}", "apiextensions.k8s.io/v1")
    assert crd["spec"]["names"]["shortNames"] == ["wd"]
    assert made.outputs["__fieldManager"] == "short-names"
    again = {**patch, "spec": {"group": group, "names": {"kind": "Widget", "shortNames": ["wd", "wds"]}}}
    kubernetes.update(made, again)
    crd = live(cluster, "CustomResourceDefinition", f"widgets.{group}", "apiextensions.k8s.io/v1")
    assert crd["spec"]["names"]["shortNames"] == ["wd", "wds"]
    kubernetes.delete(owned)


def test_a_patch_needs_a_name(kubernetes: Plugin) -> None:
    patch = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {}}
    assert "metadata.name" in kubernetes.check(DEFINITION_PATCH, "x", patch)[1]


def test_a_definition_changes_in_place(kubernetes: Plugin, cluster: Cluster) -> None:
    group = f"{fresh('c')}.example.com"
    made = kubernetes.create(DEFINITION, "changing", definition(group))
    wanted = definition(group)
    wanted["spec"]["names"]["shortNames"] = ["ch"]
    kubernetes.update(made, wanted)
    crd = live(cluster, "CustomResourceDefinition", f"widgets.{group}", "apiextensions.k8s.io/v1")
    assert crd["spec"]["names"]["shortNames"] == ["ch"]
    kubernetes.delete(made)


def test_a_cluster_that_is_gone_is_said_to_be_so(start_plugin: Start) -> None:
    plugin = start_plugin("kubernetes")
    plugin.configure(kubeconfig=gone_kubeconfig())
    resource = Resource(CONFIG_MAP, "x", config_map("x", {}), "default/x", config_map("x", {}))
    with pytest.raises(Failed, match="configured Kubernetes cluster is unreachable"):
        plugin.create(CONFIG_MAP, "x", config_map("x", {}))
    with pytest.raises(Failed, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        plugin.delete(resource)
    with pytest.raises(Failed, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        plugin.read(resource)
    assert plugin.find("kubernetes", CONFIG_MAP, "x", resource.inputs) == ""


def test_objects_of_a_cluster_that_is_gone_are_dropped_on_request(start_plugin: Start) -> None:
    plugin = start_plugin("kubernetes", PULUMI_K8S_DELETE_UNREACHABLE="true")
    plugin.configure(kubeconfig=gone_kubeconfig())
    resource = Resource(CONFIG_MAP, "x", config_map("x", {}), "default/x", config_map("x", {}))
    plugin.delete(resource)
    assert plugin.read(resource) is None


def gone_kubeconfig(server: str = "https://127.0.0.1:1") -> str:
    return (
        '{"apiVersion": "v1", "kind": "Config", "current-context": "c", '
        '"contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}], '
        f'"clusters": [{{"name": "k", "cluster": {{"server": "{server}"}}}}], '
        '"users": [{"name": "u", "user": {"token": "t"}}]}'
    )


def test_a_cluster_elsewhere_is_refused(start_plugin: Start) -> None:
    plugin = start_plugin("kubernetes")
    plugin.configure(kubeconfig=gone_kubeconfig("https://ABC.gr7.us-east-1.eks.amazonaws.com"))
    with pytest.raises(Failed, match=r"talks to clusters on 127\.0\.0\.1 only"):
        plugin.create(CONFIG_MAP, "x", config_map("x", {}))


def test_a_stack_that_is_not_registered_is_refused(kubernetes: Plugin) -> None:
    with pytest.raises(Failed, match="not registered"):
        kubernetes.check(CONFIG_MAP, "x", config_map("x", {}), stack="dev")
