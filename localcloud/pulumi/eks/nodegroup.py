"""The component `eks:index:ManagedNodeGroup`: nodes that EKS manages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from localcloud.pulumi.eks.children import Child, Component, options, refuse, unsupported
from localcloud.pulumi.wire import names

TOKEN: Final = "eks:index:ManagedNodeGroup"
# Inputs that go to the node group unchanged.
_PASSED: Final = names(
    "amiType capacityType diskSize forceUpdateVersion instanceTypes labels nodeGroupName nodeGroupNamePrefix "
    "releaseVersion tags taints"
)
_SUPPORTED: Final = _PASSED | names(
    "cluster clusterName ignoreScalingChanges nodeRoleArn scalingConfig subnetIds version"
)
_SIZES: Final = {"desiredSize": 2, "minSize": 1, "maxSize": 2}


class ManagedNodeGroup(pulumi.ComponentResource):
    """A node group.

    Args:
        name: its Pulumi name.
        inputs: the component's inputs as on the wire.
        opts: its options.
    """

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        _check(inputs)
        super().__init__(TOKEN, name, None, opts)
        core = pulumi.Output.from_input(inputs["cluster"]).apply(_core)
        cluster = core.apply(lambda c: c["cluster"])
        self.group = Child(
            "aws:eks/nodeGroup:NodeGroup",
            name,
            {
                **{key: inputs.get(key) for key in _PASSED},
                "version": inputs.get("version") or cluster.apply(lambda c: c.output("version")),
                "clusterName": inputs.get("clusterName") or cluster.apply(lambda c: c.output("name")),
                "nodeRoleArn": inputs["nodeRoleArn"],
                "scalingConfig": pulumi.Output.from_input(inputs.get("scalingConfig")).apply(_scaling),
                "subnetIds": inputs["subnetIds"] if "subnetIds" in inputs else core.apply(_subnets),
            },
            (),
            options(
                "aws",
                parent=self,
                ignore_changes=["scalingConfig.desiredSize"] if inputs.get("ignoreScalingChanges") else None,
            ),
        )
        self.state = {"nodeGroup": self.group, "placementGroupName": ""}
        self.register_outputs(self.state)


def _core(cluster: Any) -> Any:
    """The core data of a cluster, given either as the component or as these data."""
    if isinstance(cluster, Component):
        return cluster.output("core")
    if not isinstance(cluster, Mapping):
        raise TypeError(f"`cluster` must be an eks.Cluster or its core, not {cluster!r}")
    return cluster


def _scaling(given: Any) -> dict[str, int]:
    return {name: int((given or {}).get(name, default)) for name, default in _SIZES.items()}


def _subnets(core: Mapping[str, Any]) -> Any:
    return core.get("subnetIds") or core.get("privateSubnetIds") or core.get("publicSubnetIds") or []


def _check(inputs: Mapping[str, Any]) -> None:
    problems = unsupported(inputs, _SUPPORTED)
    problems |= {name: "it is required" for name in ("cluster", "nodeRoleArn") if name not in inputs}
    refuse("The input properties for the managed node group are invalid.", problems)
