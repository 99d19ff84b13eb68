"""The kubeconfig of an EKS cluster: credentials come from `aws eks get-token`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def kubeconfig(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig.

    Args:
        cluster: `name`, `endpoint`, `region` and `authority` of the cluster.
    """
    region, name = cluster["region"], cluster["name"]
    version = "client.authentication.k8s.io/v1beta1"
    command = {
        "apiVersion": version,
        "command": "aws",
        "args": ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"],
        "env": [{"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{version}"}}'}],
    }
    where = {"server": cluster["endpoint"], "certificate-authority-data": cluster["authority"]}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": where, "name": "kubernetes"}],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": command}}],
    }
