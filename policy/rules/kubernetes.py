"""What runs in the cluster: a pinned chart with rights in one namespace, on a cluster named outright."""

import re

from .resource import Properties, Rule, each

_RELEASE = "kubernetes:helm.sh/v3:Release"


def _pinned(release: Properties) -> str | None:
    version = str(release.get("version") or "")
    return None if re.fullmatch(r"\d+\.\d+\.\d+", version) else f"has chart version {version or 'of the day'}: pin one"


def _namespaced(release: Properties) -> str | None:
    scope = (release.get("values") or {}).get("installScope")
    return None if scope == "namespace" else "has rights in every namespace: set installScope to namespace"


def _named_cluster(provider: Properties) -> str | None:
    return None if provider.get("kubeconfig") else "takes whatever kubeconfig lies around: give it the cluster's own"


RULES = (
    Rule(
        "kubernetes-chart-pinned",
        ("CKV_K8S_14", "CKV_K8S_43"),
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
        "kubernetes-explicit-cluster",
        ("EKS.identity",),
        "The Kubernetes provider names its cluster.",
        each("pulumi:providers:kubernetes", _named_cluster),
    ),
)
