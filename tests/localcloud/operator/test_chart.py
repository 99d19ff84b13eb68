"""ACK's chart without helm: the same values, the same objects."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.operator.chart import CHART_VERSION, Rendered, check_values, render

REGION = {"aws": {"region": "us-east-1"}}


def rendered(values: dict[str, Any] | None = None, release: str = "ack", namespace: str = "ack-system") -> Rendered:
    return render(release, namespace, CHART_VERSION, {**REGION, **(values or {})})


def by_kind(result: Rendered, kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in result.manifests if manifest["kind"] == kind]


def names(result: Rendered, kind: str) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in by_kind(result, kind)]


def pod_of(result: Rendered) -> dict[str, Any]:
    return by_kind(result, "Deployment")[0]["spec"]["template"]["spec"]


def env_of(result: Rendered) -> dict[str, Any]:
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in pod_of(result)["containers"][0]["env"]
    }


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(REGION, id="the least"),
        pytest.param(
            {
                **REGION,
                "installScope": "namespace",
                "watchNamespace": "default",
                "reconcile": {"resources": ["TransformJob"], "resourceMaxConcurrentSyncs": {"TransformJob": 10.0}},
                "serviceAccount": {"annotations": {"any.key/here": "x"}},
                "resources": {"limits": {"memory": "256Mi"}},
            },
            id="those of a program, numbers as doubles",
        ),
        pytest.param({**REGION, "deployment": {"extraEnvVars": [{"name": "A", "value": "b"}]}}, id="lists of objects"),
    ],
)
def test_good_values_pass(values: dict[str, Any]) -> None:
    assert check_values(values) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({}, "aws.region: missing", id="no region"),
        pytest.param({"aws": {"regoin": "us-east-1"}}, "did you mean aws.region?", id="a misspelt key"),
        pytest.param({"replicas": 2}, "replicas: the chart has no such value", id="an unknown key"),
        pytest.param({"aws": "us-east-1"}, "aws: must be a map", id="a string for a map"),
        pytest.param({"aws": {"region": 1}}, "aws.region: must be a string", id="a number for a string"),
        pytest.param({"enableCARM": "no"}, "enableCARM: must be true or false", id="a string for a flag"),
        pytest.param({"deployment": {"replicas": True}}, "must be a whole number", id="a flag for a number"),
        pytest.param({"installScope": "all"}, "one of cluster, namespace", id="a scope that is none"),
        pytest.param({"deletionPolicy": "keep"}, "one of delete, retain", id="a policy that is none"),
        pytest.param({"reconcile": {"resources": ["Job"]}}, "no kind 'Job'", id="a kind it does not have"),
        pytest.param(
            {"reconcile": {"resourceMaxConcurrentSyncs": {"TransfromJob": 2}}},
            "did you mean reconcile.resourceMaxConcurrentSyncs.TransformJob?",
            id="a misspelt kind",
        ),
        pytest.param(
            {"reconcile": {"resourceMaxConcurrentSyncs": {"TransformJob": 0}}}, "of at least 1", id="no workers"
        ),
        pytest.param({"resourceTags": ["team"]}, "must read key=value", id="a tag without a value"),
        pytest.param({"image": {"tag": ""}}, "image.tag: must not be empty", id="no image tag"),
        pytest.param({"nameOverride": None}, "must be a string, not None", id="null"),
    ],
)
def test_bad_values_are_named(values: dict[str, Any], message: str) -> None:
    assert any(message in problem for problem in check_values(values))


def test_a_release_by_default_watches_the_whole_cluster() -> None:
    result = rendered()
    full = "ack-sagemaker-chart"
    assert [crd["metadata"]["name"] for crd in result.crds] == ["transformjobs.sagemaker.services.k8s.aws"]
    assert names(result, "ServiceAccount") == ["ack-sagemaker-controller"]
    assert names(result, "ClusterRole") == [f"{full}-namespaces-cache", full]
    assert names(result, "ClusterRoleBinding") == [f"{full}-namespaces-cache", f"{full}-rolebinding"]
    assert names(result, "Role") == [f"{full}-configmaps-cache", f"{full}-reader", f"{full}-writer"]
    assert names(result, "RoleBinding") == [f"{full}-configmaps-cache"]
    assert names(result, "Deployment") == [full]
    assert result.manifests[-1]["kind"] == "Deployment"


def test_a_namespaced_release_may_act_in_the_watched_namespaces_only() -> None:
    result = rendered({"installScope": "namespace", "watchNamespace": "default,jobs"})
    full = "ack-sagemaker-chart"
    assert names(result, "ClusterRole") == [f"{full}-namespaces-cache"]
    scoped = [role["metadata"] for role in by_kind(result, "Role") if role["metadata"]["namespace"] != "ack-system"]
    assert [(role["name"], role["namespace"]) for role in scoped] == [
        (f"{full}-default", "default"),
        (f"{full}-jobs", "jobs"),
    ]
    assert env_of(result)["ACK_WATCH_NAMESPACE"] == "default,jobs"
    bound = [binding["subjects"][0]["namespace"] for binding in by_kind(result, "RoleBinding")]
    assert set(bound) == {"ack-system"}


def test_a_namespaced_release_watches_its_own_namespace_by_default() -> None:
    assert env_of(rendered({"installScope": "namespace"}))["ACK_WATCH_NAMESPACE"] == "ack-system"


@pytest.mark.parametrize(
    ("release", "values", "full_name"),
    [
        pytest.param("ack", {}, "ack-sagemaker-chart", id="release and chart"),
        pytest.param("my-sagemaker-chart", {}, "my-sagemaker-chart", id="a release that names the chart"),
        pytest.param("ack", {"fullnameOverride": "operator"}, "operator", id="overridden"),
        pytest.param("ack", {"nameOverride": "sm"}, "ack-sm", id="with another chart name"),
        pytest.param("r" * 47, {}, "r" * 47 + "-sagemaker-chart", id="63 characters"),
        pytest.param("r" * 53, {}, "r" * 53 + "-sagemaker", id="cut where a dash would end it"),
    ],
)
def test_the_full_name_follows_the_charts_rule(release: str, values: dict[str, Any], full_name: str) -> None:
    assert names(rendered(values, release=release), "Deployment") == [full_name]


def test_the_container_gets_acks_arguments_and_environment() -> None:
    result = rendered(
        {"reconcile": {"resources": ["TransformJob"], "resourceMaxConcurrentSyncs": {"TransformJob": 10.0}}}
    )
    container = pod_of(result)["containers"][0]
    assert container["image"] == "public.ecr.aws/aws-controllers-k8s/sagemaker-controller:1.9.1"
    assert container["command"] == ["./bin/controller"]
    concurrency = container["args"].index("--reconcile-resource-max-concurrent-syncs")
    assert container["args"][concurrency + 1] == "$(RECONCILE_RESOURCE_MAX_CONCURRENT_SYNCS_TRANSFORMJOB)"
    assert container["args"][-2:] == ["--enable-carm=true", "--enable-cross-namespace=true"]
    env = env_of(result)
    assert env["RECONCILE_RESOURCE_MAX_CONCURRENT_SYNCS_TRANSFORMJOB"] == "TransformJob=10"
    assert env["RECONCILE_RESOURCES"] == "TransformJob"
    assert env["ACK_SYSTEM_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert env["ACK_RESOURCE_TAGS"].startswith("services.k8s.aws/controller-version=%CONTROLLER_SERVICE%")
    assert env["FEATURE_GATES"].split(",")[0] == "IAMRoleSelector=false"
    assert container["securityContext"]["runAsNonRoot"]
    assert container["resources"]["limits"] == {"memory": "128Mi", "cpu": "100m"}


def test_what_is_switched_on_appears() -> None:
    result = rendered(
        {
            "leaderElection": {"enabled": True, "namespace": "leases"},
            "metrics": {"service": {"create": True}},
            "serviceAccount": {"create": False, "name": "mine"},
            "aws": {"region": "eu-west-1", "credentials": {"secretName": "keys"}},
            "role": {"labels": {"team": True}},
        }
    )
    assert names(result, "ServiceAccount") == []
    assert pod_of(result)["serviceAccountName"] == "mine"
    assert names(result, "Service") == ["sagemaker-controller-metrics"]
    assert "ack-sagemaker-chart-leaderelection" in names(result, "Role")
    assert pod_of(result)["volumes"] == [{"name": "keys", "secret": {"secretName": "keys"}}]
    assert env_of(result)["AWS_SHARED_CREDENTIALS_FILE"] == "/var/run/secrets/aws/credentials"
    role = next(role for role in by_kind(result, "ClusterRole") if role["metadata"]["name"] == "ack-sagemaker-chart")
    assert role["metadata"]["labels"]["team"] == "true"


def test_the_image_is_tagged_with_the_charts_version_unless_asked_otherwise() -> None:
    newer = render("ack", "ack-system", "1.9.2", REGION)
    assert pod_of(newer)["containers"][0]["image"].endswith(":1.9.2")
    assert by_kind(newer, "Deployment")[0]["metadata"]["labels"]["helm.sh/chart"] == "sagemaker-chart-1.9.2"


def test_a_rendered_object_is_no_part_of_the_next() -> None:
    first = rendered()
    first.manifests[-1]["spec"]["template"]["spec"]["nodeSelector"]["zone"] = "a"
    by_kind(first, "ClusterRole")[0]["rules"].clear()
    assert "zone" not in pod_of(rendered())["nodeSelector"]
    assert by_kind(rendered(), "ClusterRole")[0]["rules"]
