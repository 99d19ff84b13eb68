"""Lists the Pulumi plugins that an environment's packages need, as JSON. Run as a file by that environment's interpreter.

A package is Pulumi's when it holds a `pulumi-plugin.json` or is named `pulumi-...`; the file says which plugin it needs,
and whatever it leaves out follows from the package's name and version. The answer is a `GetRequiredPackagesResponse`.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # the folder of this file

import contextlib
import importlib.util
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

# They need no plugin, but some of their versions have no pulumi-plugin.json that says so.
WITHOUT_PLUGIN = {"pulumi-policy", "pulumi-esc-sdk"}
PRE_RELEASES = {"a": "alpha", "b": "beta", "rc": "rc"}
# https://peps.python.org/pep-0440/
PEP_440 = re.compile(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d*))?(?:\.(post\d*))?(?:\.(dev\d*))?")


def main() -> None:
    needed: dict[str, Any] = {}
    for distribution in metadata.distributions():
        described, version = headers(distribution)
        name = re.sub(r"[-_.]+", "-", described).lower()
        if name and name not in needed:  # Python imports the first on the path
            needed[name] = plugin(name, version)
    print(json.dumps({"packages": [entry for _, entry in sorted(needed.items()) if entry]}))


def headers(distribution: metadata.Distribution) -> tuple[str, str]:
    """A distribution's name and version. To parse all of its metadata, with its description, would take ten times as long."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    found = (re.search(rf"^{header}:[ \t]*(.*?)[ \t\r]*$", text, re.MULTILINE) for header in ("Name", "Version"))
    name, version = (match[1] if match else "" for match in found)
    return name, version


def plugin(name: str, version: str) -> dict[str, Any] | None:
    """The plugin that a distribution needs; None if it needs none."""
    described = description(name)
    plugin_version = described.get("version") or semantic_version(version)
    if name in WITHOUT_PLUGIN or not described.get("resource") or not plugin_version:
        return None
    return {
        "name": described.get("name") or name.removeprefix("pulumi-"),
        "version": "v" + plugin_version.removeprefix("v"),
        "kind": "resource",
        "server": described.get("server") or "",
        "parameterization": described.get("parameterization"),
        "extension": described.get("extensionParameterization"),
    }


def description(name: str) -> dict[str, Any]:
    """The `pulumi-plugin.json` of a distribution; without one, only its name tells whether it needs a plugin."""
    spec = None
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(name.replace("-", "_"))
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder, "pulumi-plugin.json")).is_file():
            return json.loads(file.read_text(encoding="utf-8"))
    return {"resource": name.startswith("pulumi-")}


def semantic_version(version: str) -> str:
    """A plugin's version, derived from its package's version as Pulumi's own host does; empty if it has no counterpart."""
    match = PEP_440.fullmatch(version)
    if match is None:
        return ""
    release, phase, number, post, dev = match.groups("")
    pre = f"-{PRE_RELEASES[phase]}.{number}" if phase else ""
    build = f"+{post}{dev}" if post or dev else ""
    return release + ".0" * (2 - release.count(".")) + pre + build


if __name__ == "__main__":
    main()
