"""Dependencies among the resources of a state: who must go before whom."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.engine import urns
from localcloud.engine.resource import Resource


class Graph:
    """The dependency graph of a list of resources in which everything comes after what it refers to."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = list(resources)
        self._index = {id(resource): at for at, resource in enumerate(self.resources)}
        self._direct: dict[int, list[Resource]] = {}
        latest: dict[str, list[Resource]] = {}
        children: dict[str, list[Resource]] = {}
        for resource in self.resources:
            self._direct[id(resource)] = _direct_dependencies(resource, latest, children)
            latest.setdefault(resource.urn, []).append(resource)
            if resource.parent:
                children.setdefault(resource.parent, []).append(resource)

    def __contains__(self, resource: Resource) -> bool:
        return id(resource) in self._index

    def position(self, resource: Resource) -> int:
        return self._index[id(resource)]

    def dependencies(self, resource: Resource) -> list[Resource]:
        return self._direct.get(id(resource), [])

    def depending_on(self, root: Resource, ignore: set[str]) -> list[Resource]:
        """Everything that directly or indirectly depends on a resource, in the order of the list.

        Children do not count as dependents for being children alone.
        """
        if root not in self:
            return []
        affected = {id(root)}
        found: list[Resource] = []
        for resource in self.resources[self._index[id(root)] + 1 :]:
            if resource.urn in ignore:
                continue
            if any(id(each) in affected for each in self._without_parent(resource)):
                affected.add(id(resource))
                found.append(resource)
        return found

    def _without_parent(self, resource: Resource) -> Iterable[Resource]:
        mentioned = _mentioned(resource, parent=False)
        return [each for each in self._direct[id(resource)] if each.urn in mentioned or each.parent in mentioned]


def _mentioned(resource: Resource, *, parent: bool) -> set[str]:
    found = {urn for each in resource.property_dependencies.values() for urn in each}
    found.update(resource.dependencies)
    if resource.provider:
        found.add(urns.split_reference(resource.provider)[0])
    if resource.deleted_with:
        found.add(resource.deleted_with)
    if parent and resource.parent:
        found.add(resource.parent)
    return found


def _direct_dependencies(
    resource: Resource, latest: dict[str, list[Resource]], children: dict[str, list[Resource]]
) -> list[Resource]:
    found: dict[int, Resource] = {}
    for urn in _mentioned(resource, parent=True):
        for each in latest.get(urn, ()):
            found[id(each)] = each
            if not each.custom and urn != resource.parent:
                _add_descendants(urn, children, found)
    return list(found.values())


def _add_descendants(urn: str, children: dict[str, list[Resource]], found: dict[int, Resource]) -> None:
    """Whoever depends on a component depends on what is in it, as far as that comes earlier in the list."""
    pending = [urn]
    while pending:
        for child in children.get(pending.pop(), ()):
            if id(child) not in found:
                found[id(child)] = child
                if not child.custom:
                    pending.append(child.urn)


def deletion_order(graph: Graph, condemned: Iterable[Resource]) -> list[list[Resource]]:
    """Groups of resources to delete, one group after the other, the members of a group at once.

    Everything is in an earlier group than what it depends on.
    """
    depth: dict[int, int] = {}
    ordered = sorted(condemned, key=graph.position)
    members = {id(resource) for resource in ordered}
    for resource in ordered:
        below = [depth[id(each)] for each in graph.dependencies(resource) if id(each) in members and id(each) in depth]
        depth[id(resource)] = 1 + max(below, default=-1)
    groups: list[list[Resource]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for resource in ordered:
        groups[depth[id(resource)]].append(resource)
    return groups[::-1]
