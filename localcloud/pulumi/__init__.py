"""The local cloud's Pulumi plugins: the resource providers aws and eks, and the host that runs programs in Python."""

from __future__ import annotations

import importlib.util
import sys
import types


def without_sdk() -> None:
    """Make the gRPC stubs of the SDK, `pulumi.runtime.proto`, importable one by one, without the SDK.

    Importing anything from the `pulumi` package runs all of it: a third of a second from which a plugin gains nothing.
    So the packages on the way to the stubs become empty shells here, through which only the stubs can be imported; and
    so does gRPC's part for asyncio, which `import grpc` would run. Call this only in a process that needs neither. If the
    SDK is missing, the import of a stub fails and says so.
    """
    if "pulumi" in sys.modules:
        return
    sys.modules["grpc.aio"] = types.ModuleType("grpc.aio")
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        return
    path = spec.submodule_search_locations[0]
    for name, folder in (("pulumi", ""), ("pulumi.runtime", "/runtime"), ("pulumi.runtime.proto", "/runtime/proto")):
        shell = types.ModuleType(name)
        shell.__path__ = [path + folder]
        sys.modules[name] = shell
