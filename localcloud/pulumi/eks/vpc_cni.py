"""The component `eks:index:VpcCniAddon`: the add-on `vpc-cni` with the settings that `pulumi-eks` gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from localcloud.pulumi.eks.children import Child, invoke, options, refuse

TOKEN: Final = "eks:index:VpcCniAddon"
# Options of the component, the environment variable each sets, and its value when the option is not given.
_ENVIRONMENT: Final[Mapping[str, tuple[str, str | None]]] = {
    "nodePortSupport": ("AWS_VPC_CNI_NODE_PORT_SUPPORT", None),
    "customNetworkConfig": ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", None),
    "warmEniTarget": ("WARM_ENI_TARGET", "1"),
    "warmIpTarget": ("WARM_IP_TARGET", None),
    "warmPrefixTarget": ("WARM_PREFIX_TARGET", None),
    "enablePrefixDelegation": ("ENABLE_PREFIX_DELEGATION", None),
    "logLevel": ("AWS_VPC_K8S_CNI_LOGLEVEL", "DEBUG"),
    "logFile": ("AWS_VPC_K8S_CNI_LOG_FILE", "/host/var/log/aws-routed-eni/ipamd.log"),
    "vethPrefix": ("AWS_VPC_K8S_CNI_VETHPREFIX", "eni"),
    "eniMtu": ("AWS_VPC_ENI_MTU", "9001"),
    "eniConfigLabelDef": ("ENI_CONFIG_LABEL_DEF", None),
    "pluginLogLevel": ("AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "DEBUG"),
    "pluginLogFile": ("AWS_VPC_K8S_PLUGIN_LOG_FILE", "/var/log/aws-routed-eni/plugin.log"),
    "enablePodEni": ("ENABLE_POD_ENI", "false"),
    "cniConfigureRpfilter": ("AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", None),
    "cniCustomNetworkCfg": ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "false"),
    "cniExternalSnat": ("AWS_VPC_K8S_CNI_EXTERNALSNAT", "false"),
    "externalSnat": ("AWS_VPC_K8S_CNI_EXTERNALSNAT", None),
}
_OTHER: Final = frozenset(
    {
        "addonVersion",
        "clusterName",
        "clusterVersion",
        "configurationValues",
        "disableTcpEarlyDemux",
        "enableNetworkPolicy",
        "resolveConflictsOnCreate",
        "resolveConflictsOnUpdate",
        "serviceAccountRoleArn",
        "tags",
    }
)


class VpcCniAddon(pulumi.ComponentResource):
    """The CNI of a cluster.

    Args:
        name: its Pulumi name.
        inputs: the component's inputs as on the wire.
        opts: its options.
    """

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        _check(inputs)
        super().__init__(TOKEN, name, None, opts)
        self.addon = Child(
            "aws:eks/addon:Addon",
            name,
            {
                "clusterName": inputs["clusterName"],
                "addonVersion": inputs.get("addonVersion") or self._newest(inputs["clusterVersion"]),
                "addonName": "vpc-cni",
                # taking over the add-on that EKS has installed must not fail
                "resolveConflictsOnCreate": inputs.get("resolveConflictsOnCreate") or "OVERWRITE",
                "resolveConflictsOnUpdate": inputs.get("resolveConflictsOnUpdate") or "OVERWRITE",
                "preserve": True,
                "configurationValues": pulumi.Output.from_input(dict(inputs)).apply(configuration),
                "serviceAccountRoleArn": inputs.get("serviceAccountRoleArn"),
                "tags": inputs.get("tags"),
            },
            (),
            options("aws", parent=self),
        )
        self.register_outputs({"addon": self.addon})

    def _newest(self, version: Any) -> pulumi.Output[str]:
        return addon_version("vpc-cni", version, self)


def addon_version(addon: str, version: Any, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The newest version of an add-on for a version of Kubernetes."""
    arguments = {"addonName": addon, "kubernetesVersion": version, "mostRecent": True}
    return invoke("aws:eks/getAddonVersion:getAddonVersion", arguments, parent).apply(lambda found: found["version"])


def configuration(inputs: Mapping[str, Any]) -> str:
    """The add-on's configuration: the options as environment variables; what the program sets itself takes precedence."""
    config: dict[str, Any] = dict(inputs.get("configurationValues") or {})
    if inputs.get("enableNetworkPolicy") is not None:
        config.setdefault("enableNetworkPolicy", _word(inputs["enableNetworkPolicy"]))
    config["env"] = {**_environment(inputs), **(config.get("env") or {})}
    early = {"DISABLE_TCP_EARLY_DEMUX": _word(inputs.get("disableTcpEarlyDemux") or False)}
    init = config.get("init") or {}
    config["init"] = {**init, "env": {**early, **(init.get("env") or {})}}
    return json.dumps(config, sort_keys=True, separators=(",", ":"))


def _environment(inputs: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for option, (variable, default) in _ENVIRONMENT.items():
        value = inputs.get(option)
        if value is not None and value is not False:
            variables[variable] = _word(value)
        elif default is not None:
            variables.setdefault(variable, default)
    return variables


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _check(inputs: Mapping[str, Any]) -> None:
    known = _OTHER | set(_ENVIRONMENT)
    problems = {name: "the local cloud's eks plugin does not support it" for name in inputs if name not in known}
    if "clusterName" not in inputs:
        problems["clusterName"] = "it is required"
    if not inputs.get("addonVersion") and not inputs.get("clusterVersion"):
        problems["addonVersion"] = "either `addonVersion` or `clusterVersion` is needed"
    if inputs.get("cniExternalSnat") and inputs.get("externalSnat"):
        problems["externalSnat"] = "give either `cniExternalSnat` or `externalSnat`"
    refuse("The inputs of the VPC CNI add-on are invalid.", problems)
