"""Physical names: the Pulumi name and seven random digits, as the official provider makes them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from localcloud.pulumi.aws.resource import Naming
from localcloud.pulumi.wire import Properties

_DIGITS = 7


def named(naming: Naming, name: str, old: Properties | None, new: Properties, seed: bytes) -> Properties:
    """Inputs with a physical name in them.

    Args:
        naming: how the type names its objects.
        name: the resource's Pulumi name.
        old: checked inputs of the existing object, whose generated name is kept.
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
    generated = isinstance(physical, str) and re.fullmatch(re.escape(base) + f"[0-9a-f]{{{_DIGITS}}}", physical)
    return physical == new.get(naming.property) and not generated


def _fresh(naming: Naming, name: str, prefix: Any, seed: bytes) -> Any:
    if prefix is not None and not isinstance(prefix, str):
        return prefix  # unknown: so is the name
    suffix = hashlib.sha256(seed or b"\0").hexdigest()[:_DIGITS]
    base = prefix if isinstance(prefix, str) else _base(naming, name)
    return base[: naming.limit - _DIGITS] + suffix


def _base(naming: Naming, name: str) -> str:
    base = f"{name}{naming.separator}"
    return (base.lower() if naming.lower else base)[: naming.limit - _DIGITS]
