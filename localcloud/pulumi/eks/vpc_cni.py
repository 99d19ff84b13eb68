"""The component `eks:index:VpcCniAddon`: the add-on `vpc-cni` with the settings that `pulumi-eks` gives it."""

from __future__ import annotations

import json
from typing import Any, Final

import pulumi

from localcloud.pulumi.eks.children import Inputs, addon
from localcloud.pulumi.wire import names

TOKEN: Final = "eks:index:VpcCniAddon"
SUPPORTED: Final = names("addonVersion resolveConflictsOnCreate resolveConflictsOnUpdate")
# The defaults of `pulumi-eks`.
_CONFIGURATION: Final = {
    "env": {
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "ENABLE_POD_ENI": "false",
        "WARM_ENI_TARGET": "1",
    },
    "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}},
}


class VpcCniAddon(pulumi.ComponentResource):
    """The CNI of a cluster.

    Args:
        name: its Pulumi name.
        inputs: the add-on's version, and how conflicts are resolved.
        cluster: the cluster's name.
        tags: the add-on's tags.
        opts: its options.
    """

    def __init__(
        self, name: str, inputs: Inputs, *, cluster: pulumi.Output[str], tags: Any, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(TOKEN, name, None, opts)
        self.addon = addon(
            name,
            {
                "clusterName": cluster,
                "addonName": "vpc-cni",
                "addonVersion": inputs["addonVersion"],
                "configurationValues": json.dumps(_CONFIGURATION, sort_keys=True, separators=(",", ":")),
                "tags": tags,
            },
            inputs,
            parent=self,
        )
        self.register_outputs({"addon": self.addon})
