"""SageMaker's subset of JSONPath: names, indexes, slices, unions of these, and the wildcard.

Not in the subset and so refused: `..`, filters, functions, steps in slices, names with a dot inside the quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from localcloud.batch_transform.errors import FilterSyntaxError

_NAME = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff-]*")  # any other name goes into brackets
_QUOTED = re.compile(r"'([^'\\.]*)'|\"([^\"\\.]*)\"")
_NUMBER = r"-?(?:0|[1-9][0-9]*)"
_INDEX = re.compile(_NUMBER)
_SLICE = re.compile(rf"({_NUMBER})?\s*:\s*({_NUMBER})?")


class NothingSelectedError(LookupError):
    """A name or index that the value lacks."""


@dataclass(frozen=True)
class Slice:
    """`[start:end]`; None is open."""

    start: int | None
    end: int | None


Selector = str | int | Slice
"""A name, an index or a slice."""


@dataclass(frozen=True)
class Step:
    """One segment of a path: a union of selectors; no selector at all is the wildcard."""

    selectors: tuple[Selector, ...]

    @property
    def single(self) -> bool:
        return len(self.selectors) == 1 and not isinstance(self.selectors[0], Slice)

    @property
    def names(self) -> bool:
        return bool(self.selectors) and all(isinstance(selector, str) for selector in self.selectors)


@dataclass(frozen=True)
class Path:
    """A parsed filter."""

    text: str
    steps: tuple[Step, ...]

    @property
    def identity(self) -> bool:
        return not self.steps

    @property
    def indexes_only(self) -> bool:
        """Whether it can be applied to a CSV row."""
        return len(self.steps) <= 1 and not any(isinstance(one, str) for step in self.steps for one in step.selectors)

    def nodes(self, value: Any, *, strict: bool = False, inclusive: bool = False) -> list[Any]:
        """Every value that the path selects, in order.

        Args:
            value: parsed JSON.
            strict: a name or index that is not there raises instead of selecting nothing.
            inclusive: whether the end of a slice belongs to it.

        Raises:
            NothingSelectedError: only when strict.
        """
        found = [value]
        for step in self.steps:
            found = [child for node in found for child in _children(step, node, strict=strict, inclusive=inclusive)]
        return found

    def project(self, value: Any, *, strict: bool = True, inclusive: bool = False) -> Any:
        """The filtered value: the one selected, an object for a union of names, a list for what may be many.

        Raises:
            NothingSelectedError: nothing is there to select.
        """
        if not self.steps:
            return value
        *head, last = self.steps
        if all(step.single for step in head) and last.names and not last.single:
            parent = Path(self.text, self.steps[:-1]).project(value, strict=strict, inclusive=inclusive)
            return _members(last, parent, strict=strict)
        found = self.nodes(value, strict=strict, inclusive=inclusive)
        if not all(step.single for step in self.steps):
            return found
        if not found:
            raise NothingSelectedError(self.text)
        return found[0]


@lru_cache(maxsize=256)
def parse(text: str) -> Path:
    """Parse a filter.

    Raises:
        FilterSyntaxError: it is not in SageMaker's subset.
    """
    if not text.startswith("$"):
        raise FilterSyntaxError(f"filter {text!r} does not start with $")
    return Path(text, tuple(_steps(text)))


def _steps(text: str) -> Iterator[Step]:
    at = 1
    while at < len(text):
        if text[at] == "." and text[at + 1 : at + 2] != "[":
            step, at = _dotted(text, at + 1)
        else:
            step, at = _bracketed(text, at + (text[at] == "."))
        yield step


def _dotted(text: str, at: int) -> tuple[Step, int]:
    if text[at : at + 1] == "*":
        return Step(()), at + 1
    match = _NAME.match(text, at)
    if match is None:
        raise _unsupported(text, at)
    return Step((match[0],)), match.end()


def _bracketed(text: str, at: int) -> tuple[Step, int]:
    end = text.find("]", at)
    if text[at : at + 1] != "[" or end < 0:
        raise _unsupported(text, at)
    inside = text[at + 1 : end].strip()
    if inside == "*":
        return Step(()), end + 1
    selectors = tuple(_selector(part.strip(), text, at) for part in inside.split(","))
    if len({isinstance(selector, str) for selector in selectors}) != 1:
        raise _unsupported(text, at)
    return Step(selectors), end + 1


def _selector(part: str, text: str, at: int) -> Selector:
    if quoted := _QUOTED.fullmatch(part):
        return quoted[1] if quoted[1] is not None else quoted[2]
    if _INDEX.fullmatch(part):
        return int(part)
    if bounds := _SLICE.fullmatch(part):
        return Slice(*(None if bound is None else int(bound) for bound in bounds.groups()))
    raise _unsupported(text, at)


def _unsupported(text: str, at: int) -> FilterSyntaxError:
    return FilterSyntaxError(
        f"filter {text!r} cannot be read from character {at + 1} on; the supported operators are "
        "$ .name * ['name'] ['a','b'] [n] [n,m] [start:end]"
    )


def _children(step: Step, node: Any, *, strict: bool, inclusive: bool) -> Iterator[Any]:
    if not step.selectors:
        yield from node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for selector in step.selectors:
        if isinstance(selector, Slice):
            yield from _cut(selector, node, inclusive=inclusive)
        elif _has(node, selector):
            yield cast("Any", node)[selector]
        elif strict:
            raise NothingSelectedError(f"{selector!r} is not there")


def _has(node: Any, selector: str | int) -> bool:
    if isinstance(selector, str):
        return isinstance(node, Mapping) and selector in node
    return isinstance(node, list) and -len(node) <= selector < len(node)


def _cut(selector: Slice, node: Any, *, inclusive: bool) -> Sequence[Any]:
    if not isinstance(node, list):
        return ()
    end = selector.end
    if inclusive and end is not None:
        end = None if end == -1 else end + 1
    return node[selector.start : end]


def _members(step: Step, parent: Any, *, strict: bool) -> dict[str, Any]:
    missing = [name for name in step.selectors if not _has(parent, name)]  # pyright: ignore[reportArgumentType] names only, see Step.names
    if missing and strict:
        raise NothingSelectedError(f"{missing[0]!r} is not there")
    return {str(name): parent[name] for name in step.selectors if name not in missing}
