"""Other names that a resource may have in the state: its own aliases, and those it has through its parent's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.engine import urns

if TYPE_CHECKING:
    from localcloud.engine.goals import Goal


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name that the resource may have in the state; what is None is as it is now."""

    urn: str = ""
    name: str | None = None
    type: str | None = None
    stack: str | None = None
    project: str | None = None
    parent: str | None = None
    no_parent: bool = False

    def resolve(self, stack: str, project: str, goal: Goal, parent: str) -> str:
        """The URN that the alias means for a resource with this parent."""
        if self.urn:
            return self.urn
        parent = "" if self.no_parent else (self.parent or parent)
        return urns.make(
            self.stack or stack, self.project or project, parent, self.type or goal.type, self.name or goal.name
        )


def former_urns(stack: str, project: str, goal: Goal, former_parent: str | None) -> list[str]:
    """All URNs that a goal may have had, its own aliases first, then those that come from its parent's.

    Args:
        stack: the stack's name.
        project: the project's name.
        goal: what the program asks for.
        former_parent: the URN by which the goal's parent was found in the state, when that was an alias of it.
    """
    found: list[str] = []
    for alias in goal.aliases:
        found.append(alias.resolve(stack, project, goal, goal.parent))
        if former_parent and not alias.urn and not alias.parent and not alias.no_parent:
            found.append(alias.resolve(stack, project, goal, former_parent))
    if former_parent:
        found.append(_inherited(goal, former_parent).resolve(stack, project, goal, former_parent))
    return list(dict.fromkeys(found))


def _inherited(goal: Goal, former_parent: str) -> Alias:
    """A child whose name begins with its parent's is taken to have followed the parent's name."""
    name, parent_name = goal.name, urns.name_of(goal.parent)
    if name.startswith(parent_name):
        name = urns.name_of(former_parent) + name.removeprefix(parent_name)
    return Alias(name=name)
