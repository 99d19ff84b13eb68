"""Checks inputs against the properties that `pulumi-aws` declares, compares values by meaning, and makes physical names.

A physical name is the Pulumi name and seven random digits, as the official provider makes it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.pulumi.aws.resource import Naming, ResourceType
from localcloud.pulumi.aws.schema import mistyped, properties
from localcloud.pulumi.errors import Failure
from localcloud.pulumi.wire import Properties

_NAME_DIGITS = 7


def failures(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    """Everything that is wrong with the inputs of a resource."""
    known = properties(kind.token)
    for name, value in inputs.items():
        if name not in known["inputs"]:
            yield Failure(name, f"{kind.token} has no property `{name}`")
        elif name in kind.unsupported:
            yield Failure(name, f"the local cloud's aws plugin does not support `{name}` of {kind.token}")
        else:
            yield from mistyped(name, known["inputs"][name], value)
    for name in known["required"]:
        if name not in inputs:
            yield Failure(name, f"{kind.token} needs the property `{name}`")
    for name in kind.documents:
        if isinstance(text := inputs.get(name), str) and (problem := _not_json(text)):
            yield Failure(name, f"`{name}` of {kind.token} is not JSON: {problem}")
    if kind.validate:
        yield from (Failure(name, reason) for name, reason in kind.validate(inputs).items())


def _not_json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as e:
        return str(e)
    return ""


def canonical(kind: ResourceType, name: str, value: Any) -> Any:
    """A value in a normal form, in which two values with the same meaning are equal: JSON parsed, sets sorted."""
    if name in kind.documents and isinstance(value, str):
        return _document(value)
    return _sorted(kind, name, value)


def _sorted(kind: ResourceType, path: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        members = {n: _sorted(kind, f"{path}.{n}", v) for n, v in value.items()}
        # AWS returns no empty value inside an object, so a missing one and an empty one mean the same
        return {n: v for n, v in members.items() if v is not None and v not in ({}, [], "")}
    if isinstance(value, list):
        items = [_sorted(kind, path, v) for v in value]
        return sorted(items, key=repr) if path in kind.sets else items
    return value


def _document(text: str) -> Any:
    """A policy document in a normal form: one item and a list of one item mean the same to IAM."""
    try:
        return _unwrapped(json.loads(text))
    except ValueError:
        return text


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _unwrapped(v) for k, v in value.items()}
    if isinstance(value, list):
        items = sorted((_unwrapped(v) for v in value), key=repr)
        return items[0] if len(items) == 1 else items
    return value


def projected(expected: Any, old: Any, live: Any) -> Any:
    """A live value without the members that AWS added: those that the old input lacks are not changes by the program."""
    if (
        isinstance(old, Mapping)
        and isinstance(live, Mapping)
        and isinstance(expected, Mapping)
        and "object" in expected
    ):
        return {n: projected(expected["object"].get(n, "any"), v, live[n]) for n, v in old.items() if n in live}
    if isinstance(old, list) and isinstance(live, list) and len(old) == len(live) and isinstance(expected, Mapping):
        return [projected(expected.get("list", "any"), o, v) for o, v in zip(old, live, strict=True)]
    return live


def named(naming: Naming, name: str, old: Properties | None, new: Properties, seed: bytes) -> Properties:
    """Inputs with a physical name in them.

    Args:
        naming: how the type names its objects.
        name: the resource's Pulumi name.
        old: the checked inputs of the existing object, whose generated name is kept; None before its creation.
        new: the program's inputs.
        seed: random bytes from the engine.
    """
    if naming.property in new:
        return new
    if not naming.random:
        return {**new, naming.property: name}
    kept = (old or {}).get(naming.property)
    prefix = new.get(naming.prefix) if naming.prefix else None
    if isinstance(kept, str) and kept.startswith(prefix if isinstance(prefix, str) else _base(naming, name)):
        return {**new, naming.property: kept}
    return {**new, naming.property: _fresh(naming, name, prefix, seed)}


def is_fixed(naming: Naming, name: str, old: Properties, new: Properties) -> bool:
    """Whether a replacement would have the old object's name, so that the old one must be deleted first."""
    physical = old.get(naming.property)
    prefix = new.get(naming.prefix) if naming.prefix else None
    base = prefix if isinstance(prefix, str) else _base(naming, name)
    generated = isinstance(physical, str) and re.fullmatch(re.escape(base) + f"[0-9a-f]{{{_NAME_DIGITS}}}", physical)
    return physical == new.get(naming.property) and not generated


def _fresh(naming: Naming, name: str, prefix: Any, seed: bytes) -> Any:
    if prefix is not None and not isinstance(prefix, str):
        return prefix  # it is unknown, and so is the name
    suffix = hashlib.sha256(seed or b"\0").hexdigest()[:_NAME_DIGITS]
    base = prefix if isinstance(prefix, str) else _base(naming, name)
    return base[: naming.limit - _NAME_DIGITS] + suffix


def _base(naming: Naming, name: str) -> str:
    base = f"{name}{naming.separator}"
    return (base.lower() if naming.lower else base)[: naming.limit - _NAME_DIGITS]
