"""Code that the components share: the resources of which they consist, references to existing ones, the refusal of inputs.

Types and properties are named as on the wire: the SDK packages of AWS and Kubernetes take seconds to import.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.runtime import rpc
from semver import VersionInfo

from localcloud.pulumi.wire import names

Inputs = Mapping[str, Any]


def package_version(package: str) -> str:
    """The installed version of a Pulumi package: the program has the same, so both use one default provider."""
    return version(f"pulumi-{package}")


def options(package: str, **values: Any) -> pulumi.ResourceOptions:
    """Options of a child whose type belongs to this package."""
    return pulumi.ResourceOptions(version=package_version(package), **values)


class Child(pulumi.CustomResource):
    """A resource of any type.

    Args:
        token: its Pulumi type.
        name: its Pulumi name.
        inputs: its properties; those that are None are left out.
        outputs: names of its outputs that are needed.
        opts: its options.
    """

    def __init__(
        self, token: str, name: str, inputs: Inputs, outputs: Collection[str], opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(token, name, {**dict.fromkeys(outputs), **inputs}, opts)

    def output(self, name: str) -> pulumi.Output[Any]:
        """One of its outputs, or its id."""
        return self.id if name == "id" else self.__dict__[name]


def addon(name: str, inputs: Inputs, settings: Inputs, parent: pulumi.Resource) -> Child:
    """An add-on; taking over one that EKS has installed must not fail, and it stays when the component goes."""
    conflicts = ("resolveConflictsOnCreate", "resolveConflictsOnUpdate")
    inputs = {**inputs, **{key: settings.get(key) or "OVERWRITE" for key in conflicts}, "preserve": True}
    return Child("aws:eks/addon:Addon", name, inputs, (), options("aws", parent=parent))


class _Existing(rpc.ResourceModule):
    """Turns references to resources of one module into objects with their outputs."""

    def __init__(self, package: str, token: str, outputs: Collection[str], *, custom: bool) -> None:
        self._package = package
        self._token = token
        self._outputs = outputs
        self._custom = custom

    def version(self) -> VersionInfo:
        return VersionInfo.parse(package_version(self._package))

    def construct(self, name: str, typ: str, urn: str) -> pulumi.Resource:
        if typ != self._token:
            return pulumi.resource.DependencyResource(urn)
        opts = pulumi.ResourceOptions(urn=urn)
        if self._custom:
            return Child(typ, name, {}, self._outputs, opts)
        return Component(typ, name, self._outputs, opts)


class Component(pulumi.ComponentResource):
    """A component that exists already."""

    def __init__(self, token: str, name: str, outputs: Collection[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__(token, name, dict.fromkeys(outputs), opts)

    def output(self, name: str) -> pulumi.Output[Any]:
        return self.__dict__[name]


CLUSTER_OUTPUTS = names(
    "accessConfig arn certificateAuthority endpoint identities name roleArn upgradePolicy version vpcConfig"
)


def register_references() -> None:
    """Make references to roles and clusters among a component's inputs usable."""
    for package, module, token, outputs, custom in (
        ("aws", "iam/role", "aws:iam/role:Role", names("arn name"), True),
        ("aws", "eks/cluster", "aws:eks/cluster:Cluster", CLUSTER_OUTPUTS, True),
        ("eks", "index", "eks:index:Cluster", names("core eksCluster"), False),
    ):
        rpc.register_resource_module(package, module, _Existing(package, token, outputs, custom=custom))


def unsupported(inputs: Inputs, supported: Collection[str], prefix: str = "") -> dict[str, str]:
    """The inputs that are not supported here, with the reason; one that is false or empty asks for nothing."""
    asked = {name for name, value in inputs.items() if isinstance(value, pulumi.Output) or value}
    return {f"{prefix}{name}": "the local cloud's eks plugin does not support it" for name in asked - set(supported)}


def refuse(message: str, problems: Mapping[str, str]) -> None:
    """Refuse inputs, each with its reason.

    Raises:
        InputPropertiesError: there is a problem; nothing happens without one.
    """
    if problems:
        text = "; ".join(f"`{name}`: {reason}" for name, reason in problems.items())
        details = [{"property_path": name, "reason": reason} for name, reason in problems.items()]
        raise InputPropertiesError(f"{message} {text}", details)  # pyright: ignore[reportArgumentType]  a TypedDict
