"""SageMaker's subset of JSONPath: names, indexes, slices, unions of these, and the wildcard.

The subset is the table of supported operators in "Associate Prediction Results with Input Records" of the SageMaker
developer guide. The following are not in it, and so refused: `..`, filter expressions, functions, steps in slices, and
names with a dot inside the quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 63
"""The most characters of a filter, from the API's model."""

_NAME = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff-]*")  # any other name goes into brackets
_QUOTED = re.compile(r"'([^'\\.]*)'|\"([^\"\\.]*)\"")
_NUMBER = r"-?(?:0|[1-9][0-9]*)"
_INDEX = re.compile(_NUMBER)
_SLICE = re.compile(rf"({_NUMBER})?\s*:\s*({_NUMBER})?")


class FilterSyntaxError(ValueError):
    """A filter is not in SageMaker's JSONPath subset."""


class ColumnRangeError(LookupError):
    """A filter selects a column that a CSV row does not have."""


@dataclass(frozen=True)
class Slice:
    """`[start:end]`; None means an open end."""

    start: int | None
    end: int | None

    def positions(self, count: int, *, end_included: bool = False) -> range:
        """Return the selected positions in a list of `count` elements."""
        end = self.end
        if end_included and end is not None:
            end = None if end == -1 else end + 1
        return range(count)[self.start : end]

    def __str__(self) -> str:
        # A slice without a start after a comma is valid JSONPath that some libraries cannot read.
        return f"{0 if self.start is None else self.start}:{'' if self.end is None else self.end}"


Selector = str | int | Slice
"""A name, an index or a slice."""


@dataclass(frozen=True)
class Step:
    """One segment of a path: a union of selectors; a step without selectors is the wildcard."""

    selectors: tuple[Selector, ...]

    @property
    def single(self) -> bool:
        """Whether it selects at most one value."""
        return len(self.selectors) == 1 and not isinstance(self.selectors[0], Slice)

    @property
    def names(self) -> bool:
        return bool(self.selectors) and all(isinstance(selector, str) for selector in self.selectors)

    @property
    def ranges(self) -> int:
        """How many slices it has."""
        return sum(isinstance(selector, Slice) for selector in self.selectors)

    def __str__(self) -> str:
        return "[" + (",".join(map(_written, self.selectors)) or "*") + "]"


@dataclass(frozen=True)
class Filter:
    """A filter that has been read."""

    text: str
    steps: tuple[Step, ...]

    @property
    def identity(self) -> bool:
        return not self.steps

    @property
    def selects_columns(self) -> bool:
        """Whether it can be applied to a CSV row, which is a list of texts."""
        return len(self.steps) <= 1 and not any(step.names for step in self.steps)

    def columns(self, count: int, *, end_included: bool = False) -> list[int]:
        """Select columns of a CSV row.

        Args:
            count: how many columns the row has.
            end_included: whether the column at the end of a slice belongs to it. SageMaker's documentation says both.

        Returns:
            The positions of the selected columns, from 0, in the order of the selectors.

        Raises:
            ColumnRangeError: the row has no column at an index; slices end where the row ends.
            ValueError: the filter does not select by index; see `selects_columns`.
        """
        if not self.selects_columns:
            raise ValueError(f"filter {self.text!r} does not select columns by their index")
        selectors = self.steps[0].selectors if self.steps else ()
        selected: list[int] = [] if selectors else list(range(count))
        for selector in selectors:
            if isinstance(selector, Slice):
                selected += selector.positions(count, end_included=end_included)
            elif isinstance(selector, int) and -count <= selector < count:
                selected.append(selector % count)
            else:
                raise ColumnRangeError(f"Filter {self.text} is out of range: the row has {count} columns")
        return selected

    @property
    def mixed_range(self) -> str | None:
        """The first brackets that contain a slice and something else, as they are written in the filter."""
        if not any(step.ranges and len(step.selectors) > 1 for step in self.steps):
            return None
        return next(part for part in re.findall(r"\[[^\]]*\]", self.text) if ":" in part and "," in part)

    @property
    def rfc9535(self) -> str:
        """The filter in the standard's spelling, for libraries that evaluate JSONPath."""
        return "$" + "".join(map(str, self.steps))


@lru_cache(maxsize=256)
def parse(text: str) -> Filter:
    """Read a filter.

    Raises:
        FilterSyntaxError: it is not in SageMaker's subset.
    """
    if not text.startswith("$"):
        raise FilterSyntaxError(f"filter {text!r} does not start with $")
    return Filter(text, tuple(_steps(text)))


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
        raise _unreadable(text, at)
    return Step((match[0],)), match.end()


def _bracketed(text: str, at: int) -> tuple[Step, int]:
    end = text.find("]", at)
    if text[at : at + 1] != "[" or end < 0:
        raise _unreadable(text, at)
    inside = text[at + 1 : end].strip()
    if inside == "*":
        return Step(()), end + 1
    selectors = tuple(_selector(part.strip(), text, at) for part in inside.split(","))
    if len({isinstance(selector, str) for selector in selectors}) != 1:
        raise _unreadable(text, at)
    return Step(selectors), end + 1


def _selector(part: str, text: str, at: int) -> Selector:
    if quoted := _QUOTED.fullmatch(part):
        return quoted[1] if quoted[1] is not None else quoted[2]
    if _INDEX.fullmatch(part):
        return int(part)
    if bounds := _SLICE.fullmatch(part):
        return Slice(*(None if bound is None else int(bound) for bound in bounds.groups()))
    raise _unreadable(text, at)


def _unreadable(text: str, at: int) -> FilterSyntaxError:
    return FilterSyntaxError(
        f"filter {text!r} cannot be read from character {at + 1} on; the supported operators are "
        "$ .name * ['name'] ['a','b'] [n] [n,m] [start:end]"
    )


def _written(selector: Selector) -> str:
    return "'" + selector.replace("'", "\\'") + "'" if isinstance(selector, str) else str(selector)
