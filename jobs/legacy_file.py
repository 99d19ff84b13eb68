"""A legacy manifest as a tree with line numbers, so that each mistake is reported with its place and what to do.

Every key must be read: a key that was not read is unknown or misspelt, and is refused rather than ignored.
"""

import difflib
import re
from typing import Any, cast

import pulumi
import yaml

KIND = "BatchTransformJob"
API_VERSION = "sagemaker.aws.amazon.com/v1"
LISTS = {"List", f"{KIND}List"}
_TEMPLATE = re.compile(r"\{\{.*")


class LegacyError(pulumi.RunError):
    """A file that cannot be converted: what is wrong, where, and what to do."""


class Node:
    """A mapping of the file with its line, which keeps track of the keys that have not been read."""

    def __init__(self, source: str, path: str, node: yaml.MappingNode | None) -> None:
        self._source, self._path, self._line = source, path, node.start_mark.line + 1 if node else 0
        self._values = _unique_keys(source, node) if node else {}
        self._asked: set[str] = set()
        self._children: list[Node] = []

    @classmethod
    def root(cls, text: str, source: str) -> "Node":
        documents = _documents(text, source)
        if len(documents) != 1:
            raise LegacyError(
                f"{source} contains {len(documents)} documents; put each job into a file of its own"
                if documents
                else f"{source} is empty; it must contain one {KIND}"
            )
        if not isinstance(documents[0], yaml.MappingNode):
            raise LegacyError(f"{source}, line 1: this is not a Kubernetes object")
        return cls(source, "", documents[0])

    def child(self, key: str, *, required: bool = True) -> "Node":
        node = self._take(key)
        if node is None and required:
            raise self.error(key, f"is missing{self._meant(key)}")
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise self.error(key, "must be a mapping")
        child = Node(self._source, f"{self._path}{key}.", node)
        self._children.append(child)
        return child

    def optional(self, key: str) -> str | None:
        node = self._take(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
            return None
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(key, "must be a text")
        return str(node.value)

    def text(self, key: str) -> str:
        value = self.optional(key)
        if not value:
            raise self.error(key, f"is missing{self._meant(key)}")
        return value

    def optional_number(self, key: str) -> int | None:
        value = self.optional(key)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise self.error(key, f"must be a whole number, not '{value:.40}'")
        return int(value)

    def number(self, key: str, default: int) -> int:
        value = self.optional_number(key)
        return default if value is None else value

    def pairs(self, key: str, name: str) -> dict[str, str]:
        """Read a list of {name, value}."""
        node = self._take(key)
        if node is None:
            return {}
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(key, f"must be a list of {name} and value")
        found: dict[str, str] = {}
        for item in cast("list[Any]", node.value):
            entry = Node(self._source, f"{self._path}{key}.", item if isinstance(item, yaml.MappingNode) else None)
            other = "name" if name == "key" else "key"
            if other in entry._values and name not in entry._values:
                raise entry.error(other, f"must be called {name}: each item of {key} has {name} and value")
            found[entry.text(name)] = entry.optional("value") or ""
            entry.finish()
        return found

    def expect(self, key: str, value: str) -> None:
        found = self.optional(key)
        if found in LISTS:
            raise self.error(
                key, f"is {found}, which contains several objects; put each of its items into a file of its own"
            )
        if found != value:
            raise self.error(key, f"must be {value}; other kinds are not supported")

    def expect_spelling(self, *keys: str) -> None:
        """Refuse a key that differs from one of these only in its capitals."""
        for found in self._values:
            for key in keys:
                if found != key and found.lower() == key.lower():
                    raise self.error(found, f"is spelt {key} in the old kind; correct its capitals")

    def ignore(self, *keys: str) -> None:
        self._asked.update(keys)

    def finish(self) -> None:
        """Refuse the keys that have not been read."""
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, f"is not a field of {KIND} in {API_VERSION}; remove it or correct its name")
        for child in self._children:
            child.finish()

    def error(self, key: str, problem: str) -> LegacyError:
        line = self._values[key].start_mark.line + 1 if key in self._values else self._line
        return LegacyError(f"{self._source}, line {max(line, 1)}: {self._path}{key} {problem}")

    def _meant(self, key: str) -> str:
        """Say which key may be a misspelling of a missing one."""
        close = difflib.get_close_matches(key, self._values.keys() - self._asked, 1)
        return f"; is {close[0]}, line {self._values[close[0]].start_mark.line + 1}, meant?" if close else ""

    def _take(self, key: str) -> Any:
        self._asked.add(key)
        return self._values.get(key)


def _documents(text: str, source: str) -> list[Any]:
    if template := _TEMPLATE.search(text):
        line = text.count("\n", 0, template.start()) + 1
        raise LegacyError(
            f"{source}, line {line}: this is the template of a Helm chart ({template[0][:40].strip()}); render it first, "
            f"with `helm template CHART > {source}`"
        )
    try:
        return [node for node in cast("list[Any]", list(yaml.compose_all(text, yaml.SafeLoader))) if node]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LegacyError(f"{source}, line {line}: this is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise LegacyError(f"{source}: this is not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise LegacyError(f"{source}: this is not YAML: it is nested too deeply") from error


def _unique_keys(source: str, node: yaml.MappingNode) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in cast("list[tuple[Any, Any]]", node.value):
        if not isinstance(key, yaml.ScalarNode):
            raise LegacyError(f"{source}, line {key.start_mark.line + 1}: this is not a field's name")
        if key.value in values:
            raise LegacyError(f"{source}, line {key.start_mark.line + 1}: {key.value} is given twice")
        values[key.value] = value
    return values
