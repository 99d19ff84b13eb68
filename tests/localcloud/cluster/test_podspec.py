import sys
from typing import Any

import pytest

from localcloud.cluster import podspec

POD: dict[str, Any] = {
    "metadata": {"name": "web-1", "namespace": "demo", "uid": "u1", "labels": {"app.kubernetes.io/name": "web"}},
    "spec": {"nodeName": "n1", "serviceAccountName": "robot"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="nothing to replace"),
        pytest.param("--ns=$(NS)", "--ns=demo", id="known name"),
        pytest.param("$(NS)$(NS)", "demodemo", id="twice"),
        pytest.param("$(NOPE)", "$(NOPE)", id="unknown name stays"),
        pytest.param("$$(NS)", "$(NS)", id="escaped"),
        pytest.param("$$$(NS)", "$demo", id="escaped dollar before a name"),
        pytest.param("$NS costs $5", "$NS costs $5", id="shell form is not the kubelet's"),
        pytest.param("$(NS", "$(NS", id="unclosed"),
        pytest.param("a$", "a$", id="dollar at the end"),
        pytest.param("$()", "$()", id="empty name"),
    ],
)
def test_arguments_expand_as_the_kubelet_does(text: str, expected: str) -> None:
    assert podspec.expand(text, {"NS": "demo"}) == expected


def test_a_value_may_refer_to_earlier_variables_only() -> None:
    container = {"env": [{"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"}, {"name": "C", "value": "$(A)"}]}
    assert podspec.environment(POD, container) == {"B": "$(A)", "A": "1", "C": "1"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("metadata.namespace", "demo", id="namespace"),
        pytest.param("metadata.name", "web-1", id="name"),
        pytest.param("metadata.uid", "u1", id="uid"),
        pytest.param("spec.nodeName", "n1", id="node"),
        pytest.param("spec.serviceAccountName", "robot", id="service account"),
        pytest.param("status.podIP", "127.0.0.1", id="address"),
        pytest.param("metadata.labels['app.kubernetes.io/name']", "web", id="label"),
        pytest.param("metadata.annotations['none']", "", id="missing annotation is empty"),
    ],
)
def test_fields_of_the_pod_become_variables(path: str, expected: str) -> None:
    container = {"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}
    assert podspec.environment(POD, container) == {"X": expected}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        pytest.param(
            {"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.tolerations"}}}]},
            "fieldRef spec.tolerations is not supported",
            id="field",
        ),
        pytest.param(
            {"env": [{"name": "X", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
            "X: valueFrom resourceFieldRef is not supported",
            id="source",
        ),
        pytest.param(
            {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "KEY"}}}]},
            "X: valueFrom secretKeyRef is not supported",
            id="key",
        ),
        pytest.param({"envFrom": [{"configMapRef": {"name": "gone"}}]}, "envFrom is not supported", id="map"),
    ],
)
def test_a_value_from_elsewhere_is_refused_by_name(container: dict[str, Any], message: str) -> None:
    with pytest.raises(podspec.SpecError, match=message):
        podspec.environment(POD, container)


def test_arguments_see_the_whole_environment() -> None:
    container = {"args": ["--watch-namespace", "$(NS)"]}
    assert podspec.arguments(container, {"NS": "demo"}) == ["--watch-namespace", "demo"]


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        pytest.param({}, [], id="plain"),
        pytest.param({"restartPolicy": "Always", "initContainers": []}, [], id="defaults spelt out"),
        pytest.param({"initContainers": [{}]}, ["init containers"], id="init containers"),
        pytest.param({"restartPolicy": "Never"}, ["restartPolicy Never"], id="runs once"),
    ],
)
def test_a_feature_that_the_node_lacks_is_refused(spec: dict[str, Any], refused: list[str]) -> None:
    found = podspec.refused_features({"spec": spec})
    assert [message[: len(start)] for message, start in zip(found, refused, strict=True)] == refused


@pytest.mark.parametrize("tag", ["1.9.1", "latest"])
def test_the_operator_s_image_runs_the_local_operator(tag: str) -> None:
    image = f"public.ecr.aws/aws-controllers-k8s/sagemaker-controller:{tag}"
    assert podspec.command_for(image, podspec.IMAGES) == (sys.executable, "-m", "localcloud.operator")


def test_an_unknown_image_is_refused_with_those_that_run() -> None:
    assert podspec.command_for("nginx:1", podspec.IMAGES) is None
    assert "nginx:1" in podspec.image_refusal("nginx:1", podspec.IMAGES)
    assert "sagemaker-controller" in podspec.image_refusal("nginx:1", podspec.IMAGES)


def test_a_table_entry_is_split_as_a_shell_would() -> None:
    assert podspec.parse_images(["a:*=run 'two words' x=1"]) == {"a:*": ("run", "two words", "x=1")}
