"""Removes a stack's Kubernetes objects from its state if their cluster is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.recovery import deployment
from localcloud.console import say
from localcloud.home import CHECKOUT

_KUBERNETES = "pulumi:providers:kubernetes"


def let_objects_go(pulumi: PulumiCli, name: str, resources: Sequence[dict[str, Any]]) -> None:
    """Remove the objects of a cluster from the stack's state if, and only if, EKS says that the cluster is gone.

    The Kubernetes provider has a setting for this, `deleteUnreachable`, but does not apply it to Helm releases.

    Args:
        pulumi: the CLI, in the stack's environment.
        name: the stack's.
        resources: the stack's resources as its state has them.
    """
    clusters = _cluster_arns(resources)
    if not clusters or not any(r["type"].startswith("kubernetes:") for r in resources):
        return
    if not all(_is_gone(pulumi, arn) for arn in clusters):
        return
    say("    EKS says that the cluster is gone: its objects are removed from the state")
    exported = json.loads(pulumi.ask("stack", "export", "--stack", name))
    pulumi.ask("stack", "import", "--stack", name, given=json.dumps(deployment.without_objects(exported)))


def _cluster_arns(resources: Sequence[dict[str, Any]]) -> list[str]:
    """ARNs of the stack's clusters; derived from other resources if a refresh has removed the cluster from the state."""
    arns = [_outputs(r).get("arn") for r in resources if r["type"] == "aws:eks/cluster:Cluster"]
    names = [(r.get("inputs") or {}).get("clusterIdentifier") for r in resources if r["type"] == _KUBERNETES]
    regions = [(r.get("inputs") or {}).get("region") for r in resources if r["type"] == "pulumi:providers:aws"]
    roles = [_outputs(r).get("arn") for r in resources if r["type"] == "aws:iam/role:Role"]
    if not any(arns) and all(found and found[0] for found in (names, regions, roles)):
        _, partition, _, _, account, _ = str(roles[0]).split(":", 5)
        arns = [f"arn:{partition}:eks:{regions[0]}:{account}:cluster/{names[0]}"]
    return [str(arn) for arn in arns if arn]


def _outputs(resource: dict[str, Any]) -> dict[str, Any]:
    return resource.get("outputs") or {}


def _is_gone(pulumi: PulumiCli, arn: str) -> bool:
    command = [sys.executable, "-m", "workshop.gone", arn]
    return subprocess.run(command, cwd=CHECKOUT, env=dict(pulumi.environment), check=False).returncode == 0
