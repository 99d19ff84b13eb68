"""The operator's definitions: Helm installs a chart's CRDs once and never upgrades them.

After a raise of `chartVersion` the new controller would run with the old definitions, and fields that these lack would be
lost silently. So the preview refuses it until `make crds`, which sets `crdsVersion`, has applied those of the new chart.
"""

from typing import Any

import grpc
import pulumi
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto.resource_pb2 import ResourceInvokeRequest
from pulumi.runtime.settings import get_monitor

from infra.problems import refuse
from infra.settings import Settings

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"


def check(settings: Settings) -> None:
    """Compare the chart's version with that of the installed release.

    Raises:
        pulumi.RunError: the cluster has the definitions of an older chart.
    """
    installed = _installed() if settings.operator_install == "helm" else None
    if problem := stale(settings.chart_version, settings.crds_version, installed, pulumi.get_stack()):
        refuse([problem], "the settings")


def stale(wanted: str, applied: str, installed: str | None, stack: str) -> str | None:
    """Say that the cluster has the definitions of an older chart, or None.

    Args:
        wanted: the chart's version in the settings.
        applied: the version whose definitions `make crds` has applied; empty where it has not run.
        installed: the version of the installed release; None if there is none.
        stack: whose settings they are.
    """
    if installed is None or applied == wanted or _order(wanted) <= _order(installed):
        return None
    return (
        f"chartVersion: '{wanted}', but the cluster has the CRDs of {installed}, which Helm does not upgrade. "
        f"Run `make crds STACK={stack}`, which applies those of {wanted}, then run this again."
    )


def _installed() -> str | None:
    """Return the version of the release in the stack's own state, which the engine reads for the program.

    The SDK's own `invoke` would look up each resource that some output refers to, and none of them is there yet.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    asked = json_format.ParseDict({"stackName": name}, Struct())
    request = ResourceInvokeRequest(tok="pulumi:pulumi:readStackResourceOutputs", args=asked, acceptResources=False)
    monitor = get_monitor()
    if monitor is None:
        return None
    try:
        response = monitor.Invoke(request)
    except grpc.RpcError:  # an engine without this function, or a backend that does not let it read
        return None
    found: dict[str, Any] = json_format.MessageToDict(getattr(response, "return"))
    states = found.get("outputs", {}).values()
    releases = [state["outputs"] for state in states if state["type"] == RELEASE_TYPE]
    return next((str(release["version"]) for release in releases if release.get("version")), None)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
