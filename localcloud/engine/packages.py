"""Versions of the provider packages that a program's environment has installed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path


@cache
def installed_version(python: str, package: str) -> str:
    """The version of a package's plugin, as its SDK in the environment says; empty when there is none.

    Only registrations that carry no version need it: those of resource classes that are not part of an SDK.
    """
    for site in (Path(python).parent.parent / "lib").glob("python3*/site-packages"):
        for file in site.glob("*/pulumi-plugin.json"):
            try:
                content = json.loads(file.read_text())
            except (OSError, ValueError):
                continue
            if content.get("name") == package and content.get("resource"):
                return str(content.get("version") or _distribution_version(site, file.parent.name)).removeprefix("v")
    return ""


def _distribution_version(site: Path, module: str) -> str:
    for folder in site.glob(f"{module}-*.dist-info"):
        return folder.name.removesuffix(".dist-info").removeprefix(f"{module}-")
    return ""
