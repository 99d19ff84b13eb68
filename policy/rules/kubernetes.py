"""What runs in the cluster: a pinned chart with rights in one namespace, on an explicitly named cluster."""

import re

from .resource import Properties, Rule, each

_RELEASE = "kubernetes:helm.sh/v3:Release"


def _pinned(release: Properties) -> str | None:
    version = str(release.get("version") or "")
    return (
        None
        if re.fullmatch(r"\d+\.\d+\.\d+", version)
        else f"has {f'chart version {version}' if version else 'no fixed chart version'}: pin one"
    )


def _namespaced(release: Properties) -> str | None:
    scope = (release.get("values") or {}).get("installScope")
    return None if scope == "namespace" else "has rights in every namespace: set installScope to namespace"


def _confined(release: Properties) -> str | None:
    values = release.get("values") or {}
    shared = [name for name in ("hostPID", "hostIPC", "hostNetwork") if (values.get("deployment") or {}).get(name)]
    if shared:
        return f"shares the node's namespaces: {', '.join(shared)}"
    limits = (values.get("resources") or {"limits": {"cpu": "", "memory": ""}}).get("limits") or {}
    return None if {"cpu", "memory"} <= limits.keys() else "removes the chart's limits: set cpu and memory"


def _named_cluster(provider: Properties) -> str | None:
    return None if provider.get("kubeconfig") else "uses the default kubeconfig: give it the cluster's own"


RULES = (
    Rule(
        "kubernetes-chart-pinned",
        ("CKV_K8S_14",),
        "The chart's version is pinned.",
        each(_RELEASE, _pinned),
    ),
    Rule(
        "kubernetes-operator-in-one-namespace",
        ("CKV_K8S_49", "AwsSolutions-IAM5"),
        "The operator has rights in the jobs' namespace only.",
        each(_RELEASE, _namespaced),
    ),
    Rule(
        "kubernetes-operator-confined",
        ("CKV_K8S_11", "CKV_K8S_13", "CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19"),
        "The operator keeps the chart's limits and shares nothing of its node.",
        each(_RELEASE, _confined),
    ),
    Rule(
        "kubernetes-explicit-cluster",
        ("EKS.identity",),
        "The Kubernetes provider names its cluster.",
        each("pulumi:providers:kubernetes", _named_cluster),
    ),
)
