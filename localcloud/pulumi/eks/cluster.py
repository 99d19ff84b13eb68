"""The component `eks:index:Cluster`: an EKS cluster without nodes of its own, with kube-proxy and the VPC's CNI."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from localcloud.pulumi.eks.children import CLUSTER_OUTPUTS, Child, Kubernetes, invoke, options, refuse
from localcloud.pulumi.eks.kubeconfig import kubeconfig
from localcloud.pulumi.eks.service_role import ServiceRole
from localcloud.pulumi.eks.vpc_cni import VpcCniAddon, addon_version

TOKEN: Final = "eks:index:Cluster"
_SUPPORTED: Final = frozenset(
    {
        "accessEntries",
        "authenticationMode",
        "bootstrapSelfManagedAddons",
        "clusterTags",
        "corednsAddonOptions",
        "createInstanceRole",
        "createOidcProvider",
        "deletionProtection",
        "enableConfigMapMutable",
        "enabledClusterLogTypes",
        "encryptionConfigKeyArn",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "instanceRoles",
        "ipFamily",
        "kubeProxyAddonOptions",
        "kubernetesServiceIpAddressRange",
        "name",
        "nodeSecurityGroupTags",
        "privateSubnetIds",
        "providerCredentialOpts",
        "publicAccessCidrs",
        "publicSubnetIds",
        "roleMappings",
        "serviceRole",
        "skipDefaultNodeGroup",
        "skipDefaultSecurityGroups",
        "subnetIds",
        "tags",
        "upgradePolicy",
        "useDefaultVpcCni",
        "userMappings",
        "version",
        "vpcCniOptions",
        "vpcId",
    }
)
_TRIES = 300
_TRY_SECONDS = 1.0

Inputs = Mapping[str, Any]


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
        self._partition = invoke("aws:index/getPartition:getPartition", {}, self).apply(lambda p: p["partition"])
        self._role, ready = self._service_role()
        self.cluster = self._control_plane(ready)
        self._kube_proxy()
        self._endpoint = self._reachable()
        credentials = _credentials(inputs)
        self.kubeconfig = self._kubeconfig(credentials, profile=False)
        self.provider = Kubernetes(
            f"{name}-eks-k8s",
            {
                "kubeconfig": pulumi.Output.json_dumps(self._kubeconfig(credentials, profile=True)),
                "enableConfigMapMutable": _text(inputs.get("enableConfigMapMutable")),
            },
            options("kubernetes", parent=self),
        )
        self._entries = self._access_entries()
        self._cni = self._vpc_cni()
        self._coredns()
        self.state = self._outputs()
        self.register_outputs(self.state)

    # Children

    def _service_role(self) -> tuple[pulumi.Output[Any], list[pulumi.Resource]]:
        given = self._inputs.get("serviceRole")
        if given is not None:
            return pulumi.Output.from_input(given), []
        made = ServiceRole(
            f"{self._name}-eksRole",
            service="eks.amazonaws.com",
            policies=("AmazonEKSClusterPolicy",),
            partition=self._partition,
            description="Allows EKS to manage clusters on your behalf.",
            tags=self._inputs.get("tags"),
            actions=("sts:AssumeRole", "sts:TagSession"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.from_input(made.role), made.ready

    def _control_plane(self, ready: list[pulumi.Resource]) -> Child:
        inputs = self._inputs
        mode = inputs.get("authenticationMode")
        key = inputs.get("encryptionConfigKeyArn")
        return Child(
            "aws:eks/cluster:Cluster",
            f"{self._name}-eksCluster",
            {
                "name": inputs.get("name"),
                "roleArn": self._role.apply(lambda role: role.output("arn")),
                "kubernetesNetworkConfig": self._network(),
                "bootstrapSelfManagedAddons": inputs.get("bootstrapSelfManagedAddons", True),
                "vpcConfig": _present(
                    {
                        "subnetIds": _subnets(inputs),
                        "endpointPrivateAccess": inputs.get("endpointPrivateAccess"),
                        "endpointPublicAccess": inputs.get("endpointPublicAccess"),
                        "publicAccessCidrs": inputs.get("publicAccessCidrs"),
                    }
                ),
                "version": inputs.get("version"),
                "enabledClusterLogTypes": inputs.get("enabledClusterLogTypes"),
                "tags": self._tags(f"{self._name}-eksCluster", "clusterTags"),
                "encryptionConfig": {"provider": {"keyArn": key}, "resources": ["secrets"]} if key else None,
                "accessConfig": {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True},
                "upgradePolicy": inputs.get("upgradePolicy"),
                "deletionProtection": inputs.get("deletionProtection"),
            },
            CLUSTER_OUTPUTS,
            options(
                "aws",
                parent=self,
                depends_on=ready,
                # these count at creation only
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
            ),
        )

    def _network(self) -> dict[str, Any] | None:
        addresses, family = self._inputs.get("kubernetesServiceIpAddressRange"), self._inputs.get("ipFamily")
        if not addresses and not family:
            return None
        return _present({"serviceIpv4Cidr": None if family == "ipv6" else addresses, "ipFamily": family or "ipv4"})

    def _tags(self, name: str, more: str) -> pulumi.Output[Any]:
        given = pulumi.Output.all(self._inputs.get(more), self._inputs.get("tags"))
        return given.apply(lambda parts: {"Name": name, **(parts[0] or {}), **(parts[1] or {})})

    def _addon(self, addon: str, settings: Inputs) -> Child:
        values = settings.get("configurationValues")
        return Child(
            "aws:eks/addon:Addon",
            f"{self._name}-{addon}",
            {
                "clusterName": self.cluster.output("name"),
                "addonName": addon,
                "preserve": True,
                "tags": self._inputs.get("tags"),
                "resolveConflictsOnCreate": settings.get("resolveConflictsOnCreate") or "OVERWRITE",
                "resolveConflictsOnUpdate": settings.get("resolveConflictsOnUpdate") or "OVERWRITE",
                "addonVersion": settings.get("version") or addon_version(addon, self.cluster.output("version"), self),
                "configurationValues": None if values is None else pulumi.Output.from_input(values).apply(_sorted_json),
            },
            (),
            options("aws", parent=self),
        )

    def _kube_proxy(self) -> None:
        settings = self._inputs.get("kubeProxyAddonOptions") or {}
        if settings.get("enabled", True):
            self._addon("kube-proxy", settings)

    def _coredns(self) -> None:
        # as the component makes no nodes, EKS's self-managed coredns is left alone unless the program asks for it
        settings = self._inputs.get("corednsAddonOptions") or {}
        if settings.get("enabled") is True or settings.get("configurationValues"):
            self._addon("coredns", settings)

    def _vpc_cni(self) -> VpcCniAddon | None:
        if self._inputs.get("useDefaultVpcCni"):
            return None
        return VpcCniAddon(
            f"{self._name}-vpc-cni",
            {
                **(self._inputs.get("vpcCniOptions") or {}),
                "clusterName": self.cluster.output("name"),
                "clusterVersion": self.cluster.output("version"),
                "tags": self._inputs.get("tags"),
            },
            pulumi.ResourceOptions(parent=self, depends_on=self._entries, providers={"kubernetes": self.provider}),
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

    def _kubeconfig(self, credentials: Any, *, profile: bool) -> pulumi.Output[dict[str, Any]]:
        cluster = pulumi.Output.all(
            name=self.cluster.output("name"),
            endpoint=self._endpoint,
            region=self.cluster.output("arn").apply(lambda arn: arn.split(":")[3]),
            authority=self.cluster.output("certificateAuthority").apply(lambda a: a["data"]),
            credentials=credentials,
        )
        return cluster.apply(lambda c: kubeconfig(c, c["credentials"], profile=profile))

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
            "clusterIamRole": self._role,
            "accessEntries": list((inputs.get("accessEntries") or {}).values()) or None,
            "autoModeNodeRoleName": "",
        }
        return _present(core)


def _present(values: Inputs) -> dict[str, Any]:
    """The values that are not None: the SDK would send a null inside an object."""
    return {name: value for name, value in values.items() if value is not None}


def _subnets(inputs: Inputs) -> Any:
    if "subnetIds" in inputs:
        return inputs["subnetIds"]
    parts = pulumi.Output.all(inputs.get("publicSubnetIds") or [], inputs.get("privateSubnetIds") or [])
    return parts.apply(lambda both: [*both[0], *both[1]])


def _credentials(inputs: Inputs) -> Any:
    given = inputs.get("providerCredentialOpts")
    if given:
        return given
    profile = os.environ.get("AWS_PROFILE") or pulumi.Config("aws").get("profile")
    return {"profileName": profile} if profile else None


def _issuer(identities: Any) -> str:
    return identities[0]["oidcs"][0]["issuer"] if identities and identities[0].get("oidcs") else ""


def _sorted_json(values: Any) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _text(value: Any) -> Any:
    return None if value is None else pulumi.Output.json_dumps(value)


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
    unsupported = "the local cloud's eks plugin does not support it"
    problems = {name: unsupported for name in inputs if name not in _SUPPORTED}
    if not inputs.get("skipDefaultNodeGroup"):
        problems["skipDefaultNodeGroup"] = (
            "the local cloud has no default node group: set it, and add a ManagedNodeGroup"
        )
    if not inputs.get("skipDefaultSecurityGroups"):
        problems["skipDefaultSecurityGroups"] = "the local cloud makes no security groups: set it"
    if inputs.get("authenticationMode") != "API":
        problems["authenticationMode"] = "the local cloud knows the mode API only"
    for name in ("createOidcProvider", "createInstanceRole", "roleMappings", "userMappings", "instanceRoles"):
        if inputs.get(name):
            problems[name] = unsupported
    if inputs.get("vpcId") is None:
        problems["vpcId"] = "the local cloud needs it"
    if "subnetIds" in inputs and ("publicSubnetIds" in inputs or "privateSubnetIds" in inputs):
        problems["subnetIds"] = "it excludes `publicSubnetIds` and `privateSubnetIds`"
    refuse("The inputs of the EKS cluster are invalid.", problems)
    if shutil.which("aws") is None:
        raise RuntimeError(
            "the `aws` command line is not on PATH: kubeconfigs of EKS clusters get their tokens from it"
        )
