"""The local cloud's Pulumi plugins: the resource providers aws and eks, and the host that runs programs in Python."""

from __future__ import annotations

import importlib.util
import sys
import types


def without_sdk() -> None:
    """Make the gRPC stubs of the SDK, `pulumi.runtime.proto`, importable without the SDK.

    Importing anything of the `pulumi` package runs all of it, a third of a second that a plugin has no use for. Here the
    package and `pulumi.runtime` become empty shells through which only the stubs are reached. This is for a process of
    its own alone: whoever needs the SDK itself must not call it. Where the SDK is missing, the import of a stub says so.
    """
    if "pulumi" in sys.modules:
        return
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        return
    root = spec.submodule_search_locations[0]
    for name, place in (("pulumi", root), ("pulumi.runtime", f"{root}/runtime")):
        shell = types.ModuleType(name)
        shell.__path__ = [place]
        sys.modules[name] = shell
