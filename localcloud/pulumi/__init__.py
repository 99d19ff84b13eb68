"""The local cloud's Pulumi plugins: the resource providers aws and eks, and the host that runs programs in Python."""

from __future__ import annotations

import importlib.util
import sys
import types


def without_sdk() -> None:
    """Make the gRPC stubs of the SDK, `pulumi.runtime.proto`, importable without the SDK.

    Importing anything from the `pulumi` package runs all of it: a third of a second from which a plugin gains nothing.
    So the package and `pulumi.runtime` become empty shells here, through which only the stubs can be imported. Call this
    only in a process that does not need the SDK itself. If the SDK is missing, the import of a stub fails and says so.
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
