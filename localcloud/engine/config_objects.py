"""Parts of configuration values: they are found, set and removed by their paths, as they stand in the file."""

from __future__ import annotations

from typing import Any

from localcloud.engine import paths
from localcloud.engine.errors import ConfigError
from localcloud.engine.paths import Path

_RESERVED = 'maps with the single key "secure" are reserved'


def is_secure(raw: Any) -> bool:
    return isinstance(raw, dict) and set(raw) == {"secure"} and isinstance(raw["secure"], str)


def has_secure(raw: Any) -> bool:
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ()
    return is_secure(raw) or any(has_secure(part) for part in parts)


def masked(raw: Any, mask: str) -> Any:
    """The value with a mask for each part of it that is encrypted."""
    if is_secure(raw):
        return mask
    if isinstance(raw, dict):
        return {key: masked(part, mask) for key, part in raw.items()}
    return [masked(part, mask) for part in raw] if isinstance(raw, list) else raw


def steps_of(key: str, *, path: bool) -> tuple[str, Path]:
    """The name of a key, and the path within its value.

    Raises:
        EngineError: it is no path, or does not begin with a name.
    """
    if not path:
        return key, ()
    first, *rest = paths.parse(key) or ("",)
    if not isinstance(first, str) or not first or key.startswith("."):
        raise ConfigError(f"{key!r} is no configuration key: its path must begin with a name")
    return first, tuple(rest)


def find(raw: Any, path: Path) -> Any:
    """The part at a path; KeyError when there is none."""
    for step in path:
        if not _holds(raw, step):
            raise KeyError(step)
        raw = raw[step]
    return raw


def put(raw: Any, path: Path, value: Any, before: Path) -> Any:
    """The value with a part put at a path; maps and lists are made where there is nothing yet.

    What stands on the way is put aside at the first level, as the official command line does, and refused below it.

    Args:
        raw: the value, None when there is none.
        path: what is to be put where.
        value: the part.
        before: the path that led to the value; it begins with the key's name.

    Raises:
        ConfigError: it cannot be put there.
    """
    if not path:
        return value
    step, here = path[0], (*before, path[0])
    if not _is_container(raw):
        if raw is not None and len(before) > 1:
            raise _error(before, f"expected {'an array' if isinstance(step, int) else 'a map'}")
        raw = [None] * (step + 1) if isinstance(step, int) else {}
    if isinstance(raw, list):
        return _put_item(raw, path, value, here)
    if not isinstance(step, str):
        raise _error(here, "key for a map must be a string")
    if len(path) == 1 and not raw and step == "secure" and isinstance(value, str):
        raise ConfigError(f"could not set config: {_RESERVED}")
    return {**raw, step: put(raw.get(step), path[1:], value, here)}


def _put_item(raw: list[Any], path: Path, value: Any, here: Path) -> list[Any]:
    step = path[0]
    if not isinstance(step, int):
        raise _error(here, "key for an array must be an int")
    if not 0 <= step <= len(raw):
        raise _error(here, "array index out of range")
    old = raw[step] if step < len(raw) else None
    return [*raw[:step], put(old, path[1:], value, here), *raw[step + 1 :]]


def remove(raw: Any, path: Path, before: Path) -> Any:
    """The value without the part at a path; without that part, as it is.

    Raises:
        ConfigError: what is left would pass for a secret.
    """
    step, rest, here = path[0], path[1:], (*before, path[0])
    if not _holds(raw, step):
        return raw
    if isinstance(raw, list):
        kept = [remove(raw[int(step)], rest, here)] if rest else []
        return [*raw[: int(step)], *kept, *raw[int(step) + 1 :]]
    if rest:
        return {**raw, step: remove(raw[step], rest, here)}
    left = {key: value for key, value in raw.items() if key != step}
    if is_secure(left):
        raise ConfigError(f"{_show(here)}: {_RESERVED}")
    return left


def _is_container(raw: Any) -> bool:
    return isinstance(raw, dict | list) and not is_secure(raw)


def _holds(raw: Any, step: str | int) -> bool:
    if isinstance(raw, list):
        return isinstance(step, int) and 0 <= step < len(raw)
    return _is_container(raw) and isinstance(step, str) and step in raw


def _error(path: Path, what: str) -> ConfigError:
    return ConfigError(f"could not set config: {_show(path)}: {what}")


def _show(path: Path) -> str:
    """The path as it is written."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").isalnum() and step.isascii():
            text += f".{step}" if text else step
        else:
            quoted = step.replace('"', '\\"')
            text += f'["{quoted}"]'
    return text
