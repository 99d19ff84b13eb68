"""The gRPC stubs that the Pulumi SDK ships, without the SDK.

Importing anything of the `pulumi` package runs all of it, a third of a second that a plugin has no use for. Here the
package and `pulumi.runtime` become empty shells through which only `pulumi.runtime.proto` is reached. This is for a
process of its own alone: whoever needs the SDK itself must not call it.
"""

from __future__ import annotations

import importlib.util
import sys
import types


def without_sdk() -> None:
    """Make `pulumi.runtime.proto` importable by itself; where the SDK is missing, its import will say so."""
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
