"""Property paths: `a.b[0]["c d"].*`, and what they select in property values."""

from __future__ import annotations

from typing import Any

from localcloud.engine.errors import EngineError
from localcloud.engine.values import Properties, Secret, Value

Step = str | int
Path = tuple[Step, ...]
WILDCARD = "*"


def parse(text: str) -> Path:
    """The steps of a path: names, list indices, and `*` for all.

    Raises:
        EngineError: the text is no path.
    """
    steps: list[Step] = []
    rest = text
    while rest:
        if rest.startswith("."):
            rest = rest[1:]
            if not rest:
                raise EngineError(f"the property path {text!r} ends with a dot")
        elif rest.startswith('["'):
            step, rest = _quoted(text, rest[2:])
            steps.append(step)
        elif rest.startswith("["):
            inside, closed, rest = rest[1:].partition("]")
            if not closed or not (inside == WILDCARD or inside.lstrip("-").isdigit()):
                raise EngineError(f"the property path {text!r} has a bad index [{inside}")
            steps.append(inside if inside == WILDCARD else int(inside))
        else:
            end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return tuple(steps)


def _quoted(text: str, rest: str) -> tuple[str, str]:
    name = ""
    while rest:
        if rest.startswith('\\"'):
            name, rest = name + '"', rest[2:]
        elif rest.startswith('"]'):
            return name, rest[2:]
        else:
            name, rest = name + rest[0], rest[1:]
    raise EngineError(f"the property path {text!r} has a quote that is not closed")


def contains(pattern: Path, path: Path) -> bool:
    """Whether a path lies at or below a pattern, in which `*` stands for any step."""
    if len(path) < len(pattern):
        return False
    return all(step in (WILDCARD, other) for step, other in zip(pattern, path, strict=False))


def reset(new: Value, old: Value, path: Path) -> Value:
    """The new value with the part at a path as it is in the old one: taken over, put back, or taken out.

    Lists keep the length they have in the new value.
    """
    if not path:
        return old
    if type(new) is Secret:
        return Secret(reset(new.value, old.value if type(old) is Secret else old, path))
    if type(old) is Secret:
        return reset(new, old.value, path)
    if type(new) is dict and type(old) is dict:
        return _reset_keys(new, old, path)
    if type(new) is list and type(old) is list:
        indices = range(min(len(new), len(old))) if path[0] == WILDCARD else [path[0]]
        result: list[Any] = list(new)
        for index in indices:
            if isinstance(index, int) and 0 <= index < min(len(new), len(old)):
                result[index] = reset(new[index], old[index], path[1:])
        return result
    return new


def _reset_keys(new: Properties, old: Properties, path: Path) -> Properties:
    names = list(dict.fromkeys([*new, *old])) if path[0] == WILDCARD else [str(path[0])]
    result = dict(new)
    for name in names:
        if len(path) == 1:
            if name in old:
                result[name] = old[name]
            else:
                result.pop(name, None)
        elif name in new and name in old:
            result[name] = reset(new[name], old[name], path[1:])
    return result
