"""The programs that are compiled from Go modules: folders of go.mod files, flags and names; and the errors of a build.

To use another release of Kubernetes: change the versions in `controlplane/go.mod` (staging modules have the release's
version with 0 in place of 1), run `go mod tidy` there, and change the version and the date below. To use another release
of Pulumi or of its Kubernetes provider: change the version in go.mod, run `go mod tidy`, and add a row to
`docs/versions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_SOURCES: Final = Path(__file__).parent

KUBERNETES_VERSION: Final = "1.35.4"
PULUMI_VERSION: Final = "3.274.1"
PROVIDER_VERSION: Final = "4.34.2"
"""The version that the compiled provider reports: that of the SDK in requirements.txt."""

_PROVIDER_MODULE: Final = "github.com/pulumi/pulumi-kubernetes/provider/v4"


class BuildError(Exception):
    """A program cannot be built. The message can be shown to a person as it is."""


class NoGoToolchainError(BuildError):
    """There is no Go toolchain that is new enough, and none could be installed."""


class RegistryError(BuildError):
    """A package registry refuses or does not answer."""


class DiskFullError(BuildError):
    """There is too little disk space for the build."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A program that is compiled from one of our go.mod files.

    Attributes:
        name: the beginning of its folder's name in the build cache.
        title: its name in messages.
        sources: the folder of go.mod and go.sum.
        package: the package to compile; `.` is the one in `sources`.
        names: the names under which the compiled program is installed.
        variables: string variables that the linker sets, by their full name.
        tags: build tags.
        embedded: files from other modules that the sources embed, by the module's path.
        otherwise: what to do if a registry does not serve the modules, as the end of an error message.
    """

    name: str
    title: str
    sources: Path
    names: tuple[str, ...]
    otherwise: str
    package: str = "."
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: tuple[str, ...] = ()
    embedded: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def flags(self) -> tuple[str, ...]:
        """The build flags, with which the same sources give the same program everywhere."""
        stamps = (f"-X {name}={value}" for name, value in self.variables.items())
        return (
            "-trimpath",
            "-buildvcs=false",
            "-gcflags=all=-dwarf=false",
            f"-tags={','.join(('grpcnotrace', *self.tags))}",
            " ".join(("-ldflags=-s -w", *stamps)),
        )


_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_COMPONENT_VERSION = {
    "gitVersion": f"v{KUBERNETES_VERSION}",
    "gitMajor": _MAJOR,
    "gitMinor": _MINOR,
    "gitTreeState": "clean",
    "buildDate": "2026-04-15T18:01:22Z",  # of the release
}
_CONTROL_PLANE_VARIABLES = {
    f"k8s.io/component-base/version.{name}": value for name, value in _COMPONENT_VERSION.items()
}

CONTROL_PLANE: Final = Program(
    name="control-plane",
    title=f"etcd and Kubernetes {KUBERNETES_VERSION}",
    sources=_SOURCES / "controlplane",
    names=("control-plane", "kubectl"),
    otherwise="a stack in an AWS account works without them: make up STACK=dev",
    variables=_CONTROL_PLANE_VARIABLES,
)

CONTROL_PLANE_AND_PROVIDER: Final = Program(
    name="control-plane-and-provider",
    title=f"Kubernetes {KUBERNETES_VERSION} and Pulumi's provider for it",
    sources=_SOURCES / "controlplane",
    names=(*CONTROL_PLANE.names, "pulumi-resource-kubernetes"),
    otherwise=(
        "with a Pulumi CLI on PATH the provider is downloaded instead, and a stack in an AWS account needs neither: "
        "make up STACK=dev"
    ),
    variables=_CONTROL_PLANE_VARIABLES | {"main.providerVersion": PROVIDER_VERSION},
    tags=("provider",),
    embedded={
        _PROVIDER_MODULE: (
            "cmd/pulumi-resource-kubernetes/schema.json",
            "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
        )
    },
)

PULUMI: Final = Program(
    name="pulumi",
    title=f"the Pulumi CLI {PULUMI_VERSION}",
    sources=_SOURCES / "pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    names=("pulumi",),
    otherwise="an installed Pulumi CLI is used instead: https://www.pulumi.com/docs/install/",
    variables={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI_VERSION},
)
