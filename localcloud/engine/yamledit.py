"""Changes to a YAML file that leave everything else in it as people wrote it, comments above all."""

from __future__ import annotations

from typing import Any

import yaml


def dump(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=False, allow_unicode=True, width=10_000)


def change(text: str, path: tuple[str, ...], value: Any | None) -> str:
    """The text with the value of one key set, or taken out when it is None.

    Where the layout is not one that can be edited in place, the document is written anew, without comments.

    Args:
        text: a document that holds a mapping, or nothing.
        path: the key's name, with those of the mappings around it.
        value: the new value.
    """
    wanted = _changed(yaml.safe_load(text) or {}, path, value)
    try:
        edited = _edit(text, path, value)
        if (yaml.safe_load(edited) or {}) == wanted:
            return edited
    except yaml.YAMLError:
        pass
    return dump(wanted)


def _changed(document: dict[str, Any], path: tuple[str, ...], value: Any | None) -> dict[str, Any]:
    name, *rest = path
    changed = dict(document)
    if rest and (name in changed or value is not None):
        changed[name] = _changed(changed.get(name) or {}, tuple(rest), value)
    elif value is not None:
        changed[name] = value
    else:
        changed.pop(name, None)
    return changed


def _edit(text: str, path: tuple[str, ...], value: Any | None) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for depth, name in enumerate(path):
        found = _entry(node, name)
        if found is None:
            if value is None:
                return text
            return "".join(_added(lines, node, path[depth:], value))
        key, inner = found
        if depth == len(path) - 1:
            return "".join(_replaced(lines, node, key, inner, value))
        node = inner
    raise ValueError("no key")


def _entry(node: Any, name: str) -> tuple[Any, Any] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next(((key, inner) for key, inner in node.value if key.value == name), None)


def _text(path: tuple[str, ...], value: Any, indent: int) -> list[str]:
    document: Any = value
    for name in reversed(path):
        document = {name: document}
    return [f"{' ' * indent}{line}" for line in dump(document).splitlines(keepends=True)]


def _added(lines: list[str], node: Any, path: tuple[str, ...], value: Any) -> list[str]:
    if not isinstance(node, yaml.MappingNode) or not node.value:
        return [*lines, *_text(path, value, 0)]
    last_key, last = node.value[-1]
    at = _end(lines, last_key, last)
    return [*lines[:at], *_text(path, value, node.value[0][0].start_mark.column), *lines[at:]]


def _replaced(lines: list[str], node: Any, key: Any, inner: Any, value: Any | None) -> list[str]:
    start, end = key.start_mark.line, _end(lines, key, inner)
    new = [] if value is None else _text((key.value,), value, node.value[0][0].start_mark.column)
    return [*lines[:start], *new, *lines[end:]]


def _end(lines: list[str], key: Any, value: Any) -> int:
    """The line after a value; comments and blank lines that follow it are not its own."""
    last = value
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        # A block ends where the next token begins, which is too far: what counts is its last part.
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    end = max(last.end_mark.line + (1 if last.end_mark.column else 0), key.start_mark.line + 1)
    while end > key.start_mark.line + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return min(end, len(lines))
