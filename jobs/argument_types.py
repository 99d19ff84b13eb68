"""Checks that arguments have their declared types.

Python does not, and a number in place of a string would end in a traceback far from its cause, or fail at SageMaker.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import pulumi

_WORDS: Mapping[object, str] = {
    str: "a text",
    Literal: "a text",
    int: "a whole number",
    bool: "True or False",
    Mapping: "a mapping of texts to texts",
    type(None): "None",
}


def mistyped(arguments: object) -> Iterator[str]:
    """Say which members of an arguments object, and of the objects in it, have another type than declared."""
    hints = get_type_hints(type(arguments), localns=vars(pulumi.output))  # in whose words pulumi.Input is written
    for item in fields(arguments):  # pyright: ignore[reportArgumentType]  arguments are dataclasses
        value = getattr(arguments, item.name)
        if not _fits(value, hints[item.name]):
            yield f"{item.name}: {value!r} is not allowed. Allowed: {_described(hints[item.name])}{_advice(value)}"
        elif isinstance(value, str) and _UNRESOLVED in value:
            yield f"{item.name}: a string was made from an Output, whose value is not known yet. {_OUTPUT_ADVICE}"
        else:
            yield from (f"{item.name}{where}{problem}" for where, part in _parts(value) for problem in mistyped(part))


_UNRESOLVED = "Calling __str__ on an Output"
_OUTPUT_ADVICE = "Allowed: as `input` the value that jobs.add returns; as `model_name` the Output itself, or pulumi.Output.format(...)"


def _advice(value: object) -> str:
    """Say more about a value that comes from a common mistake."""
    if value is None:
        return ". Does the function that should give it end in `return`?"
    return f". {_OUTPUT_ADVICE}" if isinstance(value, pulumi.Output) else ""


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """Yield the arguments objects within a value, each with the path to it."""
    if is_dataclass(value):
        yield ".", value
    elif isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        yield from ((f"[{number}].", part) for number, part in enumerate(parts) if is_dataclass(part))


def _fits(value: object, hint: Any) -> bool:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in {Union, types.UnionType}:
        return any(_fits(value, part) for part in inner)
    if kind is Literal:
        return isinstance(value, str)  # which strings are allowed is checked together with SageMaker's other limits
    if kind is tuple:
        return isinstance(value, tuple) and all(_fits(part, inner[0]) for part in cast("tuple[object, ...]", value))
    if kind is Mapping:
        return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _described(hint: Any) -> str:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_described(part) for part in inner))
    if kind is tuple:
        return f"a tuple of {'texts' if inner[0] is str else inner[0].__name__}"
    return _WORDS.get(kind) or getattr(kind, "__name__", str(kind))
