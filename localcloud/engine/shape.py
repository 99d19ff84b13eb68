"""The form that data from a file of JSON or YAML must have before anything relies on it."""

from __future__ import annotations

from typing import Any

ANY_KEY = "*"  # as a field's name: all fields have this shape
_NAMES = {str: "a text", bool: "true or false", float: "a number", list: "a list", dict: "a mapping"}


def mismatch(value: Any, shape: Any, where: str = "") -> str:
    """The first part of a value that has not the form it must have, and what it must be; empty when all fits.

    Args:
        value: plain data.
        shape: a type; a list with the shape of its items; a dict with the shapes of fields. Fields that are missing
            or null fit, and so do those that the shape does not name.
        where: what the value is called.
    """
    kind = shape if isinstance(shape, type) else type(shape)
    if not _is_a(value, kind):
        return f"{where or 'the whole'} is not {_NAMES.get(kind, kind.__name__)}"
    if isinstance(shape, list):
        found = (mismatch(item, shape[0], f"{where}[{at}]") for at, item in enumerate(value))
    elif isinstance(shape, dict):
        found = _of_fields(value, shape, where)
    else:
        return ""
    return next(filter(None, found), "")


def _of_fields(value: dict[Any, Any], shape: dict[str, Any], where: str) -> Any:
    fields = dict.fromkeys(value, shape[ANY_KEY]) if ANY_KEY in shape else shape
    for name, each in fields.items():
        if value.get(name) is not None:
            yield mismatch(value[name], each, f"{where}.{name}" if where else str(name))


def _is_a(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)
