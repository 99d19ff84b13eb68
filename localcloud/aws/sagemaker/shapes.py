"""Checks of single members, generated from botocore's model of the API.

boto3 itself checks only types, required members and lower bounds; enums, patterns, lengths and upper bounds are the
service's business. Messages have the form that all AWS services built on the same framework use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, cast

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from localcloud.aws.sagemaker.faults import SageMakerError, ValidationError

# The framework's patterns are Java's; these stand for letters, separators and numbers inside a character class.
_JAVA_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}
_PYTHON_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "String"),
    "integer": ((int,), "Integer"),
    "long": ((int,), "Long"),
    "boolean": ((bool,), "Boolean"),
    "float": ((int, float), "Float"),
    "double": ((int, float), "Double"),
    "list": ((list, tuple), "List"),
    "map": ((dict,), "Map"),
    "structure": ((dict,), "Structure"),
}


@cache
def service_model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a request of which single members break the API's model.

    Raises:
        ValidationError: names every member that does.
        SageMakerError: a member is of another type (SerializationException).
    """
    shape = service_model().operation_model(operation).input_shape
    errors = list(_errors(cast("Shape", shape), request, "")) if shape is not None else []
    if errors:
        noun = "error" if len(errors) == 1 else "errors"
        raise ValidationError(f"{len(errors)} validation {noun} detected: {'; '.join(errors)}")


def _errors(shape: Shape, value: Any, path: str) -> Iterator[str]:
    _check_type(shape, value)
    yield from (
        f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {one}" for one in _broken(shape, value)
    )
    if isinstance(shape, StructureShape):
        yield from _member_errors(shape, cast("Mapping[str, Any]", value), path)
    elif isinstance(shape, ListShape):
        for number, item in enumerate(cast("Sequence[Any]", value), 1):
            yield from _errors(cast("Shape", shape.member), item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _map_errors(shape, cast("Mapping[str, Any]", value), path)


def _member_errors(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in cast("Mapping[str, Shape]", shape.members).items():
        place = f"{path}.{_lower_camel(name)}" if path else _lower_camel(name)
        if value.get(name) is not None:
            yield from _errors(member, value[name], place)
        elif name in cast("Sequence[str]", shape.required_members):
            yield f"Value null at '{place}' failed to satisfy constraint: Member must not be null"


def _map_errors(shape: MapShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    keys, values = cast("Shape", shape.key), cast("Shape", shape.value)
    for key, item in value.items():
        if any(_broken(keys, key)):
            yield _container_error("Map keys", value, path, keys)
        _check_type(values, item)
        if any(_broken(values, item)):
            yield _container_error("Map value", value, path, values)


def _container_error(what: str, value: Any, path: str, shape: Shape) -> str:
    constraints = ", ".join(text for text, _ in _constraints(shape))
    return (
        f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: "
        f"{what} must satisfy constraint: [{constraints}]"
    )


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    return (text for text, holds in _constraints(shape) if not holds(value))


def _constraints(shape: Shape) -> Iterator[tuple[str, Any]]:
    """What a value must satisfy: the framework's text, and the check."""
    limits = cast("Mapping[str, Any]", shape.metadata)
    lengthy = shape.type_name in {"string", "list", "map", "blob"}
    measure, noun = (len, "length") if lengthy else (_identity, "value")
    if (most := limits.get("max")) is not None:
        yield f"Member must have {noun} less than or equal to {most}", lambda value: measure(value) <= most
    if (least := limits.get("min")) is not None:
        yield f"Member must have {noun} greater than or equal to {least}", lambda value: measure(value) >= least
    if pattern := limits.get("pattern"):
        yield (
            f"Member must satisfy regular expression pattern: {pattern}",
            lambda value: _compiled(pattern).fullmatch(value) is not None,
        )
    if allowed := limits.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(allowed)}]", lambda value: value in allowed


def _identity(value: Any) -> Any:
    return value


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _check_type(shape: Shape, value: Any) -> None:
    types, name = _PYTHON_TYPES.get(shape.type_name, ((object,), ""))
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types and object not in types):
        raise SageMakerError("SerializationException", f"{_token(value)} can not be converted to {name}")


def _token(value: Any) -> str:
    """What the framework calls a JSON value of the wrong type."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "Start of structure or map found where not expected: it"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value)


def _lower_camel(name: str) -> str:
    return name[:1].lower() + name[1:]
