"""Lists the Pulumi plugins that an environment's packages need, as JSON. Run as a file by that environment's interpreter.

A package is Pulumi's when it holds a `pulumi-plugin.json` or is named `pulumi-...`; the file says which plugin it needs,
and whatever it leaves out follows from the package's name and version. The entries are `pulumirpc.PackageDependency`.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file

import importlib.util
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

# They need no plugin, but some of their versions have no pulumi-plugin.json that says so.
WITHOUT_PLUGIN = {"pulumi-policy", "pulumi-esc-sdk"}
PRE_RELEASES = {"a": "alpha", "b": "beta", "rc": "rc"}
PEP_440 = re.compile(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d*))?(?:\.(post\d*))?(?:\.(dev\d*))?")


def main() -> None:
    dependencies: dict[str, Any] = {}
    for distribution in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        if name and name not in dependencies:  # Python imports the first on the path
            dependencies[name] = dependency(name, distribution.version)
    print(json.dumps([entry for _, entry in sorted(dependencies.items()) if entry]))


def dependency(name: str, version: str) -> dict[str, Any] | None:
    """The plugin that a distribution needs; None if it needs none."""
    file = plugin_file(name)
    if name in WITHOUT_PLUGIN or not (file or name.startswith("pulumi-")):
        return None
    described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file else {"resource": True}
    plugin_version: str | None = described.get("version") or semantic_version(version)
    if not described.get("resource") or not plugin_version:
        return None
    return {
        "name": described.get("name") or name.removeprefix("pulumi-"),
        "version": "v" + plugin_version.removeprefix("v"),
        "kind": "resource",
        "server": described.get("server") or "",
        "parameterization": described.get("parameterization"),
        "extension": described.get("extensionParameterization"),
    }


def plugin_file(name: str) -> Path | None:
    """The `pulumi-plugin.json` of an installed distribution."""
    try:
        spec = importlib.util.find_spec(name.replace("-", "_"))
    except (ImportError, ValueError, AttributeError):
        return None
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder, "pulumi-plugin.json")).is_file():
            return file
    return None


def semantic_version(version: str) -> str | None:
    """A plugin's version, derived from its package's version; None if that has no counterpart.

    Source: https://peps.python.org/pep-0440/, translated as Pulumi's own language host does.
    """
    match = PEP_440.fullmatch(version)
    if match is None:
        return None
    release, phase, number, post, dev = match.groups()
    parts = [*release.split("."), "0", "0"][: max(3, release.count(".") + 1)]
    pre = f"-{PRE_RELEASES[phase]}.{number}" if phase else ""
    build = "+" + (post or "") + (dev or "") if post or dev else ""
    return ".".join(parts) + pre + build


if __name__ == "__main__":
    main()
