"""Every rule of the pack, applied to a whole stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policy.rules.resource import Resource, Rule, Violation


def from_export(exported: Mapping[str, Any]) -> list[Resource]:
    """The resources of a `pulumi stack export`, children of components included."""
    return [
        Resource(
            type=entry["type"],
            name=entry["urn"].rpartition("::")[2],
            urn=entry["urn"],
            properties=entry.get("inputs") or {},
            property_dependencies={key: urns or [] for key, urns in (entry.get("propertyDependencies") or {}).items()},
        )
        for entry in exported["deployment"]["resources"]
    ]


def inspect(rules: Sequence[Rule], stack: Sequence[Resource]) -> list[Violation]:
    """Every violation of every rule."""
    return [violation for rule in rules for violation in rule.violations(stack)]
