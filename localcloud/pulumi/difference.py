"""The changes between two sets of properties, as in Pulumi's detailed diff: a path and a kind for each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import Any


class Kind(Enum):
    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Change:
    """One changed property.

    Args:
        path: its path, such as `rules[0].status`.
        kind: whether it was added, deleted or given another value.
        replace: whether the change replaces the object.
    """

    path: str
    kind: Kind
    replace: bool = False

    @property
    def top(self) -> str:
        """The top-level property that the path is in."""
        return self.path.split(".")[0].split("[")[0]


@dataclass(frozen=True)
class Difference:
    """All changes of one resource."""

    changes: tuple[Change, ...] = ()
    delete_before_replace: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The top-level properties that changed."""
        return frozenset(change.top for change in self.changes)

    @property
    def replaces(self) -> bool:
        return any(change.replace for change in self.changes)


def compare(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    replaces: Callable[[str], bool] = lambda _path: False,
) -> Difference:
    """Compare two sets of properties.

    Args:
        old: the properties before the change.
        new: the properties after it; a value that is not known yet counts as a change.
        replaces: whether a change of the property at this path forces a replacement.
    """
    return Difference(tuple(Change(path, kind, replaces(path)) for path, kind in _walk("", old, new)))


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, Kind]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _walk(_join(path, name), old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip_longest(old, new)):
            yield from _walk(f"{path}[{index}]", before, after)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE


def _join(path: str, name: str) -> str:
    plain = name.replace("_", "a").replace("-", "a").isalnum()
    if not plain:
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name
