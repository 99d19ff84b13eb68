"""Checks a call's parameters against the service's model more strictly than boto3: enums, patterns and lengths, too.

AWS checks them itself. The local endpoint may not, and a program that works only here would be of no use.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.pulumi.errors import CallError


class ParameterError(CallError):
    """A call that AWS would refuse."""


def check(operation: Any, parameters: Mapping[str, Any]) -> None:
    """Check the parameters of one call.

    Args:
        operation: botocore's model of the operation.
        parameters: the parameters that will be sent.

    Raises:
        ParameterError: AWS would refuse it.
    """
    if operation.input_shape is None:
        return
    problems = list(_problems(operation.name, operation.input_shape, parameters))
    if problems:
        raise ParameterError(f"{operation.name}: " + "; ".join(problems))


def _problems(path: str, shape: Any, value: Any) -> Iterator[str]:
    if shape.type_name == "structure":
        yield from _structure(path, shape, value)
    elif shape.type_name == "list":
        yield from _range(path, shape, len(value), "items")
        for index, item in enumerate(value):
            yield from _problems(f"{path}[{index}]", shape.member, item)
    elif shape.type_name == "map":
        yield from _range(path, shape, len(value), "entries")
        for key, item in value.items():
            yield from _problems(f"{path}.{key}", shape.key, key)
            yield from _problems(f"{path}.{key}", shape.value, item)
    elif shape.type_name == "string":
        yield from _text(path, shape, value)
    elif shape.type_name in {"integer", "long"}:
        yield from _range(path, shape, value, "")


def _structure(path: str, shape: Any, value: Mapping[str, Any]) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is missing"
    for name, member in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is not a parameter"
        else:
            yield from _problems(f"{path}.{name}", shape.members[name], member)


def _text(path: str, shape: Any, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path} must be text, not {type(value).__name__}"
        return
    yield from _range(path, shape, len(value), "characters")
    if shape.enum and value not in shape.enum:
        yield f"{path} is {value!r}, but must be one of {', '.join(shape.enum)}"
    pattern = shape.metadata.get("pattern")
    if pattern and (compiled := compile_pattern(pattern)) and not compiled.search(value):
        yield f"{path} is {value!r}, which does not match {pattern}"


def _range(path: str, shape: Any, size: int, unit: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"{path} has {size} {unit}, and at least {low} are needed".replace("  ", " ")
    if high is not None and size > high:
        yield f"{path} has {size} {unit}, and at most {high} are allowed".replace("  ", " ")


@functools.cache
def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """The pattern in Python's notation, anchored as AWS means it; None if Python cannot express it."""
    translated = _unicode_classes(pattern)
    try:
        return re.compile(translated if translated.startswith("^") else rf"\A(?:{translated})\Z")
    except re.error:
        return None


def _unicode_classes(pattern: str) -> str:
    r"""Java's `\p{..}` classes, replaced by classes of `re` that are a little wider, never narrower."""
    for java, python in {
        r"\p{L}": r"\w",
        r"\p{Z}": r"\s",
        r"\p{N}": r"\d",
        r"\p{M}": r"\w",
        r"\p{S}": r"\W",
        r"\p{P}": r"\W_",
        r"\p{LD}": r"\w",
    }.items():
        pattern = pattern.replace(java, python)
    return re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: re.escape(chr(int(m[1], 16))), pattern)
