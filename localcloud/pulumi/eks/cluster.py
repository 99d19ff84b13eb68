"""The component `eks:index:Cluster`: an EKS cluster without nodes of its own, with kube-proxy and the VPC's CNI."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from localcloud.pulumi.eks import vpc_cni
from localcloud.pulumi.eks.children import (
    CLUSTER_OUTPUTS,
    Child,
    Inputs,
    addon,
    options,
    refuse,
    unsupported,
)
from localcloud.pulumi.eks.vpc_cni import VpcCniAddon
from localcloud.pulumi.wire import names, present

TOKEN: Final = "eks:index:Cluster"
_SUPPORTED: Final = names(
    "accessEntries authenticationMode bootstrapSelfManagedAddons deletionProtection endpointPrivateAccess "
    "endpointPublicAccess kubeProxyAddonOptions name privateSubnetIds publicAccessCidrs publicSubnetIds serviceRole "
    "skipDefaultNodeGroup skipDefaultSecurityGroups subnetIds tags upgradePolicy useDefaultVpcCni version vpcCniOptions "
    "vpcId"
)
_ADDON_SETTINGS: Final = names("enabled version resolveConflictsOnCreate resolveConflictsOnUpdate")
_TRIES = 300
_TRY_SECONDS = 1.0


class Cluster(pulumi.ComponentResource):
    """An EKS cluster.

    Args:
        name: its Pulumi name.
        inputs: the component's inputs, as on the wire.
        opts: its options.
    """

    def __init__(self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None) -> None:
        _check(inputs)
        super().__init__(TOKEN, name, None, opts)
        self._name = name
        self._inputs = inputs
        self.cluster = self._control_plane(pulumi.Output.from_input(inputs["serviceRole"]))
        self._kube_proxy()
        self._endpoint = self._reachable()
        self.kubeconfig = self._credentials().apply(_kubeconfig)
        self.provider = pulumi.ProviderResource(
            "kubernetes",
            f"{name}-eks-k8s",
            {"kubeconfig": pulumi.Output.json_dumps(self.kubeconfig)},
            options("kubernetes", parent=self),
        )
        self._entries = self._access_entries()
        self._cni = self._vpc_cni()
        self.state = self._outputs()
        self.register_outputs(self.state)

    # Children

    def _control_plane(self, role: pulumi.Output[Any]) -> Child:
        inputs, name = self._inputs, f"{self._name}-eksCluster"
        networking = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")
        return Child(
            "aws:eks/cluster:Cluster",
            name,
            {
                "name": inputs.get("name"),
                "roleArn": role.apply(_arn),
                "bootstrapSelfManagedAddons": inputs.get("bootstrapSelfManagedAddons", True),
                "vpcConfig": {
                    "subnetIds": _subnets(inputs),
                    **present({key: inputs.get(key) for key in networking}),
                },
                "version": inputs.get("version"),
                "tags": pulumi.Output.from_input(inputs.get("tags")).apply(lambda tags: {"Name": name, **(tags or {})}),
                "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
                "upgradePolicy": inputs.get("upgradePolicy"),
                "deletionProtection": inputs.get("deletionProtection"),
            },
            CLUSTER_OUTPUTS,
            options(
                "aws",
                parent=self,
                # these count at creation only
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
            ),
        )

    def _kube_proxy(self) -> None:
        settings = self._inputs.get("kubeProxyAddonOptions") or {}
        if settings.get("enabled", True):
            inputs = {
                "clusterName": self.cluster.output("name"),
                "addonName": "kube-proxy",
                "addonVersion": settings["version"],
                "tags": self._inputs.get("tags"),
            }
            addon(f"{self._name}-kube-proxy", inputs, settings, parent=self)

    def _vpc_cni(self) -> VpcCniAddon | None:
        if self._inputs.get("useDefaultVpcCni"):
            return None
        return VpcCniAddon(
            f"{self._name}-vpc-cni",
            self._inputs["vpcCniOptions"],
            cluster=self.cluster.output("name"),
            tags=self._inputs.get("tags"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._entries, providers={"kubernetes": self.provider}),
        )

    def _access_entries(self) -> list[pulumi.Resource]:
        entries: list[pulumi.Resource] = []
        for key, given in (self._inputs.get("accessEntries") or {}).items():
            entry = self._access_entry(f"{self._name}-{key}", given)
            entries.append(entry)
            for policy, association in (given.get("accessPolicies") or {}).items():
                self._access_policy(f"{self._name}-{key}-{policy}", entry, given, association)
        return entries

    def _access_entry(self, name: str, given: Inputs) -> Child:
        return Child(
            "aws:eks/accessEntry:AccessEntry",
            name,
            {
                "clusterName": self.cluster.output("name"),
                "principalArn": given.get("principalArn"),
                "kubernetesGroups": given.get("kubernetesGroups"),
                "type": given.get("type"),
                "tags": given.get("tags"),
                "userName": given.get("username"),
            },
            (),
            options("aws", parent=self, depends_on=[self.cluster]),
        )

    def _access_policy(self, name: str, entry: Child, given: Inputs, association: Any) -> None:
        settled = pulumi.Output.from_input(association)
        Child(
            "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
            name,
            {
                "accessScope": settled.apply(lambda a: a["accessScope"]),
                "principalArn": given.get("principalArn"),
                "policyArn": settled.apply(lambda a: a["policyArn"]),
                "clusterName": self.cluster.output("name"),
            },
            (),
            options("aws", parent=entry, depends_on=[entry]),
        )

    # Outputs

    def _reachable(self) -> pulumi.Output[str]:
        """The endpoint, once it answers."""
        waits = bool(self._inputs.get("endpointPublicAccess")) and not pulumi.runtime.is_dry_run()

        async def answered(endpoint: str) -> str:
            if waits:
                await _await_health(f"{endpoint}/healthz")
            return endpoint

        return self.cluster.output("endpoint").apply(answered)

    def _credentials(self) -> pulumi.Output[dict[str, Any]]:
        return pulumi.Output.all(
            name=self.cluster.output("name"),
            endpoint=self._endpoint,
            region=self.cluster.output("arn").apply(lambda arn: arn.split(":")[3]),
            authority=self.cluster.output("certificateAuthority").apply(lambda a: a["data"]),
        )

    def _outputs(self) -> dict[str, Any]:
        issuer = self.cluster.output("identities").apply(_issuer)
        group = self.cluster.output("vpcConfig").apply(lambda config: config.get("clusterSecurityGroupId", ""))
        return {
            "kubeconfig": self.kubeconfig,
            "kubeconfigJson": pulumi.Output.json_dumps(self.kubeconfig),
            "instanceRoles": [],
            "eksCluster": self.cluster,
            "core": self._core(),
            # the component makes no groups, so EKS's group serves as both
            "clusterSecurityGroupId": group,
            "nodeSecurityGroupId": group,
            "clusterIngressRuleId": "",
            "defaultNodeGroupAsgName": "",
            "fargateProfileId": "",
            "fargateProfileStatus": "",
            "oidcProviderArn": "",
            "oidcProviderUrl": issuer,
            "oidcIssuer": issuer.apply(lambda url: url.replace("https://", "")),
            "autoModeNodeRoleName": "",
        }

    def _core(self) -> dict[str, Any]:
        inputs = self._inputs
        core = {
            "vpcId": inputs["vpcId"],
            "subnetIds": _subnets(inputs),
            "publicSubnetIds": inputs.get("publicSubnetIds"),
            "privateSubnetIds": inputs.get("privateSubnetIds"),
            "cluster": self.cluster,
            "endpoint": self._endpoint,
            "nodeGroupOptions": {"version": inputs.get("version")},
            "kubeconfig": self.kubeconfig,
            "provider": self.provider,
            "vpcCni": self._cni,
            "instanceRoles": [],
            "tags": inputs.get("tags"),
            "nodeSecurityGroupTags": inputs.get("nodeSecurityGroupTags"),
            "storageClasses": {},
            "clusterIamRole": inputs["serviceRole"],
            "accessEntries": list((inputs.get("accessEntries") or {}).values()) or None,
            "autoModeNodeRoleName": "",
        }
        return present(core)  # the SDK would send a null inside an object


def _kubeconfig(cluster: Inputs) -> dict[str, Any]:
    """A kubeconfig whose credentials come from `aws eks get-token`, of a cluster's name, endpoint, region and authority."""
    region, name = cluster["region"], cluster["name"]
    version = "client.authentication.k8s.io/v1beta1"
    command = {
        "apiVersion": version,
        "command": "aws",
        "args": ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"],
        "env": [{"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{version}"}}'}],
    }
    where = {"server": cluster["endpoint"], "certificate-authority-data": cluster["authority"]}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": where, "name": "kubernetes"}],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": command}}],
    }


def _arn(role: Any) -> pulumi.Output[str]:
    if not isinstance(role, Child):
        raise TypeError(f"`serviceRole` must be an aws.iam.Role, not {role!r}")
    return role.output("arn")


def _subnets(inputs: Inputs) -> Any:
    if "subnetIds" in inputs:
        return inputs["subnetIds"]
    parts = pulumi.Output.all(inputs.get("publicSubnetIds") or [], inputs.get("privateSubnetIds") or [])
    return parts.apply(lambda both: [*both[0], *both[1]])


def _issuer(identities: Any) -> str:
    return identities[0]["oidcs"][0]["issuer"] if identities and identities[0].get("oidcs") else ""


async def _await_health(url: str) -> None:
    """Wait until the API server answers; after five minutes continue anyway, as `pulumi-eks` does."""
    for _ in range(_TRIES):
        if await asyncio.to_thread(_is_healthy, url):
            return
        await asyncio.sleep(_TRY_SECONDS)


def _is_healthy(url: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the certificate is the cluster's own; nothing secret is sent
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=2) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


def _check(inputs: Inputs) -> None:
    """Refuse inputs that are not supported here, and inputs that are wrong everywhere."""
    message = "The inputs of the EKS cluster are invalid."
    plain = {name: inputs.get(name) or {} for name in ("accessEntries", "kubeProxyAddonOptions", "vpcCniOptions")}
    refuse(message, {name: "it must be an object" for name, value in plain.items() if not isinstance(value, Mapping)})
    problems = unsupported(inputs, _SUPPORTED)
    proxy, cni = plain["kubeProxyAddonOptions"], plain["vpcCniOptions"]
    problems |= unsupported(proxy, _ADDON_SETTINGS, "kubeProxyAddonOptions.") | unsupported(
        cni, vpc_cni.SUPPORTED, "vpcCniOptions."
    )
    if proxy.get("enabled", True) and not proxy.get("version"):
        problems["kubeProxyAddonOptions.version"] = "the local cloud looks up no versions of add-ons"
    if not inputs.get("useDefaultVpcCni") and not cni.get("addonVersion"):
        problems["vpcCniOptions.addonVersion"] = "the local cloud looks up no versions of add-ons"
    if not inputs.get("skipDefaultNodeGroup"):
        problems["skipDefaultNodeGroup"] = (
            "the local cloud has no default node group: set it, and add a ManagedNodeGroup"
        )
    if not inputs.get("skipDefaultSecurityGroups"):
        problems["skipDefaultSecurityGroups"] = "the local cloud makes no security groups: set it"
    if inputs.get("authenticationMode") != "API":
        problems["authenticationMode"] = "the local cloud knows the mode API only"
    for name in ("serviceRole", "vpcId"):
        if inputs.get(name) is None:
            problems[name] = "the local cloud needs it"
    if "subnetIds" in inputs and ("publicSubnetIds" in inputs or "privateSubnetIds" in inputs):
        problems["subnetIds"] = "it excludes `publicSubnetIds` and `privateSubnetIds`"
    refuse(message, problems)
    if shutil.which("aws") is None:
        raise RuntimeError(
            "the `aws` command line is not on PATH: kubeconfigs of EKS clusters get their tokens from it"
        )
