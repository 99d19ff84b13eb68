"""Resources and policy documents as rules see them, and rules as pure functions over a stack's resources."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource from the program or from the state; its properties are in Pulumi's camel case."""

    type: str
    name: str
    urn: str
    properties: Properties
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    def is_about(self, member: str, other: "Resource") -> bool:
        """Say whether a property of this resource comes from the other one, which is known even if its value is not."""
        return other.urn in self.property_dependencies.get(member, ())


@dataclass(frozen=True)
class Violation:
    """A violation of a rule: the resource, and the problem with it."""

    rule: str
    urn: str
    text: str


@dataclass(frozen=True)
class Rule:
    """One requirement, and the controls that demand it.

    Attributes:
        name: in kebab case.
        controls: ids of AWS Foundational Security Best Practices (S3.5), checkov (CKV_...) or cdk-nag (AwsSolutions-...).
        text: the requirement.
        find: returns each resource of a stack that violates it, with what is wrong.
        alone: whether a resource can be checked without the others of its stack.
    """

    name: str
    controls: tuple[str, ...]
    text: str
    find: Callable[[Sequence[Resource]], Iterator[tuple[Resource, str]]]
    alone: bool = True

    def violations(self, stack: Sequence[Resource]) -> list[Violation]:
        return [Violation(self.name, resource.urn, text) for resource, text in self.find(stack)]


Check = Callable[[Properties], str | None]


def each(resource_type: str, check: Check) -> Callable[[Sequence[Resource]], Iterator[tuple[Resource, str]]]:
    """Return a rule's `find` that checks each resource of a type by itself; the check returns what is wrong, or None."""

    def find(stack: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
        for resource in of_type(stack, resource_type):
            if wrong := check(resource.properties):
                yield resource, wrong

    return find


def companion(
    resource_type: str, companion_type: str, member: str, check: Check
) -> Callable[[Sequence[Resource]], Iterator[tuple[Resource, str]]]:
    """Return a rule's `find`: each resource needs a companion, connected by a property, that passes the check."""

    def find(stack: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
        for resource in of_type(stack, resource_type):
            found = [other for other in of_type(stack, companion_type) if other.is_about(member, resource)]
            complaints = [check(other.properties) for other in found]
            if not found:
                yield resource, f"has no {companion_type.rpartition(':')[2]}"
            elif None not in complaints:
                yield resource, str(complaints[0])

    return find


def of_type(stack: Sequence[Resource], resource_type: str) -> Iterator[Resource]:
    return (resource for resource in stack if resource.type == resource_type)


def statements(document: object) -> list[dict[str, Any]]:
    """Return the statements of a document, which is a JSON string or its parsed value."""
    parsed = json.loads(document) if isinstance(document, str) else document
    found = parsed.get("Statement", []) if isinstance(parsed, dict) else []
    return found if isinstance(found, list) else [found]


def texts(value: object) -> list[str]:
    """Return the value of a policy element, which may be single or a list, as a list; a boolean as JSON writes it."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items if item != ""]
