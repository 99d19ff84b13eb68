"""The kubeconfig of an EKS cluster: credentials come from `aws eks get-token`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def kubeconfig(
    cluster: Mapping[str, Any], credentials: Mapping[str, Any] | None = None, *, profile: bool
) -> dict[str, Any]:
    """A kubeconfig.

    Args:
        cluster: `name`, `endpoint`, `region` and `authority` of the cluster.
        credentials: the role (`roleArn`) or profile (`profileName`) that gets tokens.
        profile: whether to name the profile, which only the deployer has.
    """
    arguments = [
        "--region",
        cluster["region"],
        "eks",
        "get-token",
        "--cluster-name",
        cluster["name"],
        "--output",
        "json",
    ]
    if credentials and credentials.get("roleArn"):
        arguments += ["--role", credentials["roleArn"]]
    if profile and credentials and credentials.get("profileName"):
        arguments += ["--profile", credentials["profileName"]]
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": arguments,
        "env": [
            {"name": "KUBERNETES_EXEC_INFO", "value": '{"apiVersion": "client.authentication.k8s.io/v1beta1"}'},
        ],
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
