"""The rules that hold among the resources of a state."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.engine.errors import StateError
from localcloud.engine.resource import Resource


def verify(resources: Iterable[Resource]) -> None:
    """Check the integrity rules: everything that a resource refers to comes before it.

    Raises:
        StateError: naming the resource and the rule.
    """
    urns: set[str] = set()
    live: set[str] = set()
    providers: set[str] = set()
    for resource in resources:
        problem = _problem(resource, urns, live, providers)
        if problem:
            raise StateError(f"the state breaks an integrity rule: {resource.urn} {problem}")
        urns.add(resource.urn)
        if not resource.delete:
            live.add(resource.urn)
        if resource.type.startswith("pulumi:providers:"):
            providers.add(resource.reference)


def _problem(resource: Resource, urns: set[str], live: set[str], providers: set[str]) -> str:
    if resource.id and not resource.custom:
        return "has an id but is no custom resource"
    if resource.provider and resource.provider not in providers and not resource.pending_replacement:
        return f"refers to the unknown provider {resource.provider}"
    if not resource.delete and resource.urn in live:
        return "occurs twice"
    references = {"parent": [resource.parent], "deletedWith": [resource.deleted_with]}
    references["dependencies"] = resource.dependencies
    references["propertyDependencies"] = [urn for each in resource.property_dependencies.values() for urn in each]
    for kind, names in references.items():
        for name in names:
            if name and name not in urns:
                return f"refers in {kind} to {name}, which does not come before it"
    return ""
