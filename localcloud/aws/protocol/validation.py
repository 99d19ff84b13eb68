"""Arguments checked against botocore's service model, and refused in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sized
from functools import lru_cache
from typing import Any, cast

from localcloud.aws.protocol.errors import AwsError
from localcloud.aws.protocol.wire import operation_model

# What each service calls an argument that its model refuses.
_CODES = {"eks": "InvalidParameterException", "eks-auth": "InvalidParameterException", "sts": "ValidationError"}
_DEFAULT_CODE = "ValidationException"


def check(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Refuse arguments that the model does not allow.

    Raises:
        AwsError: with every problem in its message.
    """
    shape = operation_model(service, operation).input_shape
    found = list(_problems(shape, params, "")) if shape is not None else []
    if found:
        plural = "error" if len(found) == 1 else "errors"
        message = f"{len(found)} validation {plural} detected: {'; '.join(found)}"
        raise AwsError(_CODES.get(service, _DEFAULT_CODE), message)


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure_problems(shape, cast("Mapping[str, Any]", value), path)
    elif kind == "list":
        yield from _length_problems(shape, cast("Sized", value), path)
        for number, item in enumerate(value):
            yield from _problems(shape.member, item, f"{path}.{number + 1}.member")
    elif kind == "map":
        yield from _length_problems(shape, cast("Sized", value), path)
        for key, item in value.items():
            yield from _problems(shape.key, key, path)
            yield from _problems(shape.value, item, f"{path}.{key}")
    elif kind == "string":
        yield from _string_problems(shape, str(value), path)
    elif kind in {"integer", "long", "float", "double"}:
        yield from _range_problems(shape, value, path)


def _structure_problems(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _problem("null", _join(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _problems(member, value[name], _join(path, name))


def _string_problems(shape: Any, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield _problem(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield _problem(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    yield from _length_problems(shape, value, path)


def _length_problems(shape: Any, value: Sized, path: str) -> Iterator[str]:
    shortest, longest = shape.metadata.get("min"), shape.metadata.get("max")
    if shortest is not None and len(value) < shortest:
        yield _problem(value, path, f"Member must have length greater than or equal to {shortest}")
    if longest is not None and len(value) > longest:
        yield _problem(value, path, f"Member must have length less than or equal to {longest}")


def _range_problems(shape: Any, value: float, path: str) -> Iterator[str]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if lowest is not None and value < lowest:
        yield _problem(value, path, f"Member must have value greater than or equal to {lowest}")
    if highest is not None and value > highest:
        yield _problem(value, path, f"Member must have value less than or equal to {highest}")


def _problem(value: object, path: str, constraint: str) -> str:
    shown = str(value)
    return f"Value {shown if shown == 'null' else repr(shown)} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None  # Java's syntax, where it differs from Python's


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None
