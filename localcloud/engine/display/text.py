"""Texts made safe and readable: values for people, control sequences made harmless."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from localcloud.engine.values import UNKNOWN, Archive, Asset, OutputValue, ResourceReference, Secret, Value, rewrite

MASK = "[secret]"
# Everything but tab and newline that could move the cursor, recolour, retitle or ring; C1 controls included.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The text with control characters spelt out, so that what a program or plugin says cannot forge the display."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def tell(text: str) -> None:
    """Print a text as it is for scripts, and harmless on a terminal."""
    print(harmless(text) if sys.stdout.isatty() else text)


def mask(secrets: Iterable[str]) -> Callable[[str], str]:
    """What replaces secret texts, also as JSON spells them, wherever a program or a plugin lets one out.

    Texts that anything may hold (of one or two characters, true and false) are left: hiding them would tell them.
    """
    hidden = {text for text in secrets if len(text) > 2 and text.lower() not in ("true", "false")}
    spelt = hidden | {json.dumps(text)[1:-1] for text in hidden}
    if not spelt:
        return lambda text: text
    found = re.compile("|".join(map(re.escape, sorted(spelt, key=len, reverse=True))))
    return lambda text: found.sub(MASK, text)


def for_json(value: Value, *, show_secrets: bool = False) -> Any:
    """A value as plain data; secrets are masked unless asked for, unknowns are empty strings."""

    def lower(part: Value) -> Value:
        match part:
            case Secret():
                return part.value if show_secrets else MASK
            case OutputValue():
                return part.value if show_secrets or not part.secret else MASK
            case Asset() | Archive():
                return f"{type(part).__name__.lower()}({part.hash[:7]})"
            case ResourceReference():
                return part.urn if part.id in (None, UNKNOWN) else part.id
            case float():
                return int(part) if part.is_integer() and abs(part) < 1e21 else part
            case _:
                return "04da6b54-80e4-46f7-96ec-b56ff0331ba9" if part is UNKNOWN else part

    return rewrite(value, lower)


def shown(value: Value, *, show_secrets: bool = False, indent: int = 4) -> str:
    """A value in the block of outputs: texts quoted, members one a line with their colons in a column.

    Args:
        value: what to show.
        show_secrets: whether secrets are laid open.
        indent: columns that the lines after the first stand in by.
    """
    if value is UNKNOWN:
        return "[unknown]"
    if type(value) is Secret and not show_secrets:
        return MASK
    if isinstance(value, dict | list) and value:
        return _block(value, show_secrets=show_secrets, indent=indent)
    plain = for_json(value, show_secrets=show_secrets)
    return json.dumps(plain, ensure_ascii=False) if plain is not None else "<null>"


def _block(value: dict[str, Value] | list[Value], *, show_secrets: bool, indent: int) -> str:
    members = dict(sorted(value.items())) if isinstance(value, dict) else {f"[{i}]": v for i, v in enumerate(value)}
    width, deeper = max(len(key) for key in members), indent + 4
    lines = [
        f"{' ' * deeper}{key:<{width}}: {shown(member, show_secrets=show_secrets, indent=deeper)}"
        for key, member in members.items()
    ]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([opening, *lines, f"{' ' * indent}{closing}"])


def raw(value: Value, *, show_secrets: bool = False) -> str:
    """A single value as a command prints it for scripts: texts bare, the rest as JSON, names in order."""
    plain = for_json(value, show_secrets=show_secrets)
    if isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def ago(seconds: float) -> str:
    """How long something is past, in words."""
    for size, name in ((31_557_600, "year"), (2_592_000, "month"), (604_800, "week"), (86_400, "day"), (3_600, "hour")):
        if seconds >= size:
            return _times(int(seconds // size), name)
    if seconds >= 60:
        return _times(int(seconds // 60), "minute")
    return _times(int(seconds), "second") if seconds >= 1 else "now"


def _times(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'} ago"
