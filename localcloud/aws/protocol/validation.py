"""Checks arguments against botocore's model of a service, and page tokens, and refuses them in AWS's words.

boto3 itself checks only types, required members and lower bounds; enums, patterns, lengths and upper bounds are left to the
service. The messages have the form that is common to all AWS services built on the same framework.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from localcloud.aws.protocol.wire import AwsError, Call, Guard, operation_model

_TOKEN = re.compile(r"[0-9]{1,9}")
# The error code of each service for an argument that its model refuses.
_CODES = {"eks": "InvalidParameterException", "eks-auth": "InvalidParameterException", "sts": "ValidationError"}
_DEFAULT_CODE = "ValidationException"
# The models' patterns are Java's. These classes of theirs, for letters, numbers and separators, are missing in Python's.
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
# The listings of IAM that moto gives in pages whose marker is a number.
_IAM_LISTINGS = (
    *("ListRoles", "ListPolicies", "ListAttachedRolePolicies", "ListAttachedGroupPolicies", "ListAttachedUserPolicies"),
    *("ListRoleTags", "ListPolicyTags", "ListOpenIDConnectProviderTags", "ListVirtualMFADevices"),
)


def check(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Refuse arguments that the service's model does not allow.

    Raises:
        AwsError: names every argument that breaks the model; SerializationException for one of another type.
    """
    shape = operation_model(service, operation).input_shape
    errors = list(_errors(cast("Shape", shape), params, "")) if shape is not None else []
    if errors:
        noun = "error" if len(errors) == 1 else "errors"
        message = f"{len(errors)} validation {noun} detected: {'; '.join(errors)}"
        raise AwsError(_CODES.get(service, _DEFAULT_CODE), message)


def page(
    key: str, items: Sequence[Any], params: Mapping[str, Any], code: str = _DEFAULT_CODE, size: int = 100
) -> dict[str, Any]:
    """Return the page of a listing that a request asks for, as the service answers it.

    Args:
        key: the member of the answer with the items. If it has a capital, the members for tokens and sizes have one, too.
        items: the whole listing in its order.
        params: the request. Its token, if it has one, is the number of items before the page.
        code: the service's error code for a token that it did not issue.
        size: the most items of a page, if the request does not say.

    Raises:
        AwsError: the token is not from an earlier answer.
    """
    token, most = ("nextToken", "maxResults") if key[0].islower() else ("NextToken", "MaxResults")
    start = _start(
        params.get(token), AwsError(code, f"Invalid {token}: it is not from an earlier answer of this operation.")
    )
    end = start + int(params.get(most) or size)
    return {key: list(items[start:end]), **({token: str(end)} if end < len(items) else {})}


def iam_guards() -> Mapping[str, Guard]:
    """Return the checks of the markers at which moto's IAM would fail."""
    return dict.fromkeys(_IAM_LISTINGS, _check_marker)


def _check_marker(call: Call) -> None:
    _start(call.params.get("Marker"), AwsError("ValidationError", "Invalid Marker."))


def _start(token: object, refusal: AwsError) -> int:
    if not token:
        return 0
    if not _TOKEN.fullmatch(str(token)):
        raise refusal
    return int(str(token))


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


def _constraints(shape: Shape) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    """Return the constraints of a value: the framework's text of each, and the check."""
    limits = cast("Mapping[str, Any]", shape.metadata)
    lengthy = shape.type_name in {"string", "list", "map", "blob"}
    noun = "length" if lengthy else "value"

    def measure(value: Any) -> Any:
        return len(value) if lengthy else value

    if (most := limits.get("max")) is not None:
        yield f"Member must have {noun} less than or equal to {most}", lambda value: measure(value) <= most
    if (least := limits.get("min")) is not None:
        yield f"Member must have {noun} greater than or equal to {least}", lambda value: measure(value) >= least
    if pattern := limits.get("pattern"):
        yield f"Member must satisfy regular expression pattern: {pattern}", lambda value: _matches(pattern, value)
    if allowed := limits.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(allowed)}]", lambda value: value in allowed


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None  # the pattern has syntax that Python lacks, so it is not checked


def _check_type(shape: Shape, value: Any) -> None:
    types, name = _PYTHON_TYPES.get(shape.type_name, ((object,), ""))
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types and object not in types):
        raise AwsError("SerializationException", f"{_token(value)} can not be converted to {name}")


def _token(value: Any) -> str:
    """Return the framework's name for a JSON value of the wrong type."""
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
