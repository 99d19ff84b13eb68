"""How inputs differ, and what a difference means for the resource."""

from __future__ import annotations

from localcloud.engine import paths
from localcloud.engine.provider import Diff
from localcloud.engine.values import Properties, equal, plain


def changed_keys(old: Properties, new: Properties) -> dict[str, str]:
    """Top-level keys that differ, with the kind of the difference; secretness alone is none."""
    before, after = plain(old), plain(new)
    found: dict[str, str] = {}
    for key in dict.fromkeys([*before, *after]):
        if key not in before:
            found[key] = "add"
        elif key not in after:
            found[key] = "delete"
        elif not equal(before[key], after[key]):
            found[key] = "update"
    return found


def with_replace_on_changes(diff: Diff, patterns: list[str], *, init_errors: bool) -> Diff:
    """A diff in which changes under the given paths call for a replacement."""
    if not patterns:
        return diff
    if init_errors and ("#initerror" in patterns or "*" in patterns):
        diff.changes = True
        diff.replaces.append("#initerror")
    if not diff.changes:
        return diff
    parsed = [paths.parse(text) for text in patterns if text != "#initerror"]
    detailed: dict[str, tuple[str, bool]] = {}
    for text, (kind, of_inputs) in diff.detailed.items():
        path = paths.parse(text)
        hit = any(paths.contains(pattern, path) for pattern in parsed)
        detailed[text] = (f"{kind.removesuffix('-replace')}-replace", of_inputs) if hit else (kind, of_inputs)
        if hit and path:
            diff.replaces.append(str(path[0]))
    for key in diff.diffs:
        if any(len(pattern) == 1 and paths.contains(pattern, (key,)) for pattern in parsed):
            diff.replaces.append(key)
    diff.replaces = list(dict.fromkeys(diff.replaces))
    diff.detailed = detailed
    return diff
