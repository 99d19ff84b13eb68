"""Whether arguments are of the types that they are declared with.

Python checks none of them, and a number where a text belongs would end in a traceback far from its cause, or only
at SageMaker.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pulumi

_WORDS: Mapping[object, str] = {
    str: "a text",
    Literal: "a text",
    int: "a whole number",
    bool: "True or False",
    Mapping: "a mapping of texts to texts",
    tuple: "a tuple of texts",
    type(None): "None",
}


def mistyped(arguments: object) -> Iterator[str]:
    """Say which members of an arguments object, and of those in it, are of another type than declared."""
    hints = get_type_hints(type(arguments), localns=vars(pulumi.output))  # in whose words pulumi.Input is written
    for item in fields(arguments):  # pyright: ignore[reportArgumentType]  arguments are dataclasses
        value = getattr(arguments, item.name)
        if not _fits(value, hints[item.name]):
            yield f"{item.name}: {value!r} is not allowed. Allowed: {_described(hints[item.name])}"
        elif is_dataclass(value):
            yield from (f"{item.name}.{problem}" for problem in mistyped(value))


def _fits(value: object, hint: Any) -> bool:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in {Union, types.UnionType}:
        return any(_fits(value, part) for part in inner)
    if kind is Literal:
        return isinstance(value, str)  # the words themselves are checked with SageMaker's other limits
    if kind is tuple:
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _described(hint: Any) -> str:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_described(part) for part in inner))
    return _WORDS.get(kind) or getattr(kind, "__name__", str(kind))
