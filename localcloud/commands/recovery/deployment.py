"""A stack's exported deployment: the operations that an interrupted run left in it, and how they are resolved.

`pulumi refresh --import-pending-creates` of the pinned CLI drops the objects that it should import: it renames the operation
to `importing`, which nothing reads. So the deployment itself is edited, between `stack export` and `stack import`: an object
that may exist becomes a resource, whose outputs a refresh reads, and which the refresh drops if it is not there.

The objects of a cluster that is gone are removed in the same way.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import say

Deployment = dict[str, Any]
Resource = dict[str, Any]

_SECRET_MARK: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105  Pulumi's mark of special values, no secret

_KUBERNETES = "pulumi:providers:kubernetes"


def pending(deployment: Deployment) -> list[dict[str, Any]]:
    """The operations that a run left unfinished, from the document that `stack export` prints."""
    return (deployment.get("deployment") or {}).get("pending_operations") or []


def settle(
    exported: Deployment, identify: Callable[[str, Mapping[str, Any]], str | None]
) -> tuple[Deployment, list[Resource]]:
    """The deployment without pending operations, and the resources that replace pending creations.

    Args:
        exported: the document of `stack export`; it is not changed.
        identify: the id of an object by its type and planned inputs; None if it does not exist or may be created again.
    """
    document = copy.deepcopy(exported)
    resources: list[Resource] = document["deployment"].get("resources") or []
    taken: list[Resource] = []
    for operation in document["deployment"].pop("pending_operations", None) or []:
        planned: Resource = operation["resource"]
        if operation["type"] != "creating" or planned["type"].startswith("pulumi:"):
            continue  # an object that was being updated, deleted or read is in the state already; a provider is no object at AWS
        identifier = identify(planned["type"], plain(planned.get("inputs") or {}))
        if identifier and not _holds(resources, planned["urn"], identifier):
            resource = planned | {"id": identifier, "outputs": dict(planned.get("inputs") or {})}
            resources = _take_in(resource, resources)
            taken.append(resource)
    document["deployment"]["resources"] = resources
    return document, taken


def without_objects(exported: Deployment) -> Deployment:
    """The document of `stack export` without the objects of Kubernetes clusters, pending ones included."""
    document = copy.deepcopy(exported)
    content = document["deployment"]
    resources: list[Resource] = content.get("resources") or []
    gone = {each["urn"] for each in resources if _is_object(each)}
    content["resources"] = [_without_references(each, gone) for each in resources if each["urn"] not in gone]
    operations = content.pop("pending_operations", None) or []
    if kept := [each for each in operations if not _is_object(each["resource"])]:
        content["pending_operations"] = kept
    return document


def _is_object(resource: Resource) -> bool:
    return resource["type"].startswith("kubernetes:")


def _without_references(resource: Resource, gone: set[str]) -> Resource:
    kept = dict(resource)
    if "dependencies" in kept:
        kept["dependencies"] = [urn for urn in kept["dependencies"] if urn not in gone]
    if "propertyDependencies" in kept:
        kept["propertyDependencies"] = {
            name: [urn for urn in urns or [] if urn not in gone] for name, urns in kept["propertyDependencies"].items()
        }
    if kept.get("deletedWith") in gone:
        del kept["deletedWith"]
    return kept


def plain(value: Any) -> Any:
    """A value of a deployment without secrets, assets and other special values, which never identify an object."""
    if isinstance(value, dict):
        return {} if _SECRET_MARK in value else {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def revealed(value: Any) -> Any:
    """A value of a deployment that was exported with `--show-secrets`, without the mark of a secret."""
    return json.loads(value["plaintext"]) if isinstance(value, dict) and _SECRET_MARK in value else value


def _holds(resources: list[Resource], urn: str, identifier: str) -> bool:
    return any(each["urn"] == urn and each.get("id") == identifier and not each.get("delete") for each in resources)


def _take_in(resource: Resource, resources: list[Resource]) -> list[Resource]:
    """The resources with a further one: at the end, or before the one that it replaces, which is still to be deleted."""
    for at, each in enumerate(resources):
        if each["urn"] != resource["urn"] or each.get("delete"):
            continue
        if each.get("pendingReplacement"):
            return [*resources[:at], resource, *resources[at + 1 :]]
        each["delete"] = True
    return [*resources, resource]


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
    pulumi.ask("stack", "import", "--stack", name, given=json.dumps(without_objects(exported)))


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
    return pulumi.module("localcloud.commands.recovery", "--gone", arn) == 0
