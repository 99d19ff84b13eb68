"""Derives `schema.json`, the properties of each resource type, from the classes of the `pulumi-aws` package.

The plugin itself never imports that package (it takes seconds); `python -m localcloud.pulumi.aws.sdk_schema` writes
the file again after an upgrade, and a test fails if the file and the installed package differ.

A type is "string", "boolean", "integer", "number", "asset", "any", {"list": T}, {"map": T} or {"object": {name: T}}.
"""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import json
import types
import typing
from importlib import metadata
from typing import Any, TypeAlias

from localcloud.pulumi.aws.schema import SCHEMA_FILE
from localcloud.pulumi.aws.types import CATALOGUE

Type: TypeAlias = "str | dict[str, Any]"

_SCALARS: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def main() -> None:
    """Write the schema of the installed `pulumi-aws`."""
    SCHEMA_FILE.write_text(dumps(derive()))


def dumps(schema: dict[str, Any]) -> str:
    """The schema as text: one line for each property, so that the diff of an upgrade is readable."""
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def derive() -> dict[str, Any]:
    """The schema of every type in the catalogue and of the provider's configuration."""
    import pulumi_aws  # noqa: PLC0415  slow, and for this generator only

    return {
        "version": metadata.version("pulumi-aws"),
        "config": _properties(pulumi_aws.ProviderArgs, pulumi_aws),
        "resources": {token: _resource(token, pulumi_aws) for token in CATALOGUE},
    }


def _resource(token: str, sdk: types.ModuleType) -> dict[str, Any]:
    module = getattr(sdk, token.split(":")[1].split("/", maxsplit=1)[0])
    name = token.rsplit(":", maxsplit=1)[-1]
    resource = getattr(module, name)
    home = importlib.import_module(resource.__module__)
    # "InitArgs" where a nested type has taken the plain name
    arguments = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
    given = _hints(arguments)
    inputs, outputs = _properties(arguments, module), _properties(resource, module)
    return {
        "inputs": inputs,
        "required": sorted(n for n, hint in given.items() if not _optional(hint)),
        "outputs": {n: t for n, t in outputs.items() if n not in {"id", "urn"}},
        # An optional input that is always an output has a default, from the provider or from AWS.
        "computed": sorted(
            n for n, hint in _hints(resource).items() if _optional(given.get(n)) and not _optional(hint)
        ),
    }


def _properties(owner: type, module: types.ModuleType) -> dict[str, Type]:
    return {name: _type(hint, module) for name, hint in _hints(owner).items()}


def _hints(owner: type) -> dict[str, Any]:
    """Wire name and type hint of each property that the class declares."""
    getters = [p.fget for p in vars(owner).values() if isinstance(p, property) and p.fget is not None]
    return {getattr(g, "_pulumi_name", g.__name__): inspect.get_annotations(g).get("return") for g in getters}


def _optional(hint: Any) -> bool:
    if typing.get_origin(hint) is not None and _origin_name(hint) == "Output":
        hint = typing.get_args(hint)[0]
    return type(None) in typing.get_args(hint)


def _origin_name(hint: Any) -> str:
    return getattr(typing.get_origin(hint), "__name__", "")


def _type(hint: Any, module: types.ModuleType) -> Type:
    if isinstance(hint, str | typing.ForwardRef):
        return _named(hint if isinstance(hint, str) else hint.__forward_arg__, module)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if inspect.isclass(hint):
        return "asset" if hint.__name__ in {"Asset", "Archive"} else _object(hint, module)
    if _origin_name(hint) == "Output":
        return _type(typing.get_args(hint)[0], module)
    return _generic(hint, module)


def _generic(hint: Any, module: types.ModuleType) -> Type:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is collections.abc.Sequence:
        return {"list": _type(arguments[0], module)}
    if origin is collections.abc.Mapping:
        return {"map": _type(arguments[1], module)}
    if origin is typing.Union or origin is types.UnionType:
        members = [a for a in arguments if a is not type(None) and not _is_eventual(a)]
        plain = [m for m in members if m in _SCALARS]
        # a document that may also be given as text (an IAM policy) is text on the wire
        return _type(plain[0] if plain and len(members) > 1 else members[0], module)
    return "any"


def _is_eventual(hint: Any) -> bool:
    """Whether this is the awaitable or output alternative of a `pulumi.Input`."""
    if isinstance(hint, typing.ForwardRef):
        return hint.__forward_arg__.startswith("Output[")
    return typing.get_origin(hint) is collections.abc.Awaitable


def _named(name: str, module: types.ModuleType) -> Type:
    if name.startswith("outputs."):
        return _object(
            getattr(importlib.import_module(f"{module.__name__}.outputs"), name.removeprefix("outputs.")), module
        )
    if "." in name:
        return "any"
    owner = getattr(importlib.import_module(f"{module.__name__}._inputs"), name, None)
    return "any" if owner is None else _object(owner, module)


def _object(owner: type, module: types.ModuleType) -> Type:
    if issubclass(owner, str):  # an enumeration
        return "string"
    return {"object": _properties(owner, module)}


if __name__ == "__main__":
    main()
