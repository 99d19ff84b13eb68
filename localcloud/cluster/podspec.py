"""Reads a pod's spec as the kubelet does: the programs that stand in for its images, their arguments and environment.

A node takes more images from its command line (`--image PATTERN=COMMAND`), which is how tests bring images of their
own. A program stands in for the image's entrypoint: a container's `args` are passed to it, and its `command`, which
names a path inside the image, is not used. The functions here have no side effects.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_OPERATOR: Final = (sys.executable, "-m", "localcloud.operator")
IMAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "localcloud/sagemaker-operator:*": _OPERATOR,
    # ACK's own chart may be given as a folder: the local operator takes its controller's flags.
    "public.ecr.aws/aws-controllers-k8s/sagemaker-controller:*": _OPERATOR,
}
Object = Mapping[str, Any]

_REFERENCE: Final = re.compile(r"\$(?:\$|\(([^)]*)\))")
_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class SpecError(Exception):
    """A container's spec uses a feature that this node lacks."""


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` as the kubelet does: `$$` is a dollar sign, an unknown name stays as it is written."""
    return _REFERENCE.sub(lambda found: "$" if found[1] is None else variables.get(found[1], found[0]), text)


def arguments(container: Object, environment: Mapping[str, str]) -> list[str]:
    """A container's `args`, expanded with its environment."""
    return [expand(argument, environment) for argument in container.get("args") or ()]


def environment(pod: Object, container: Object) -> dict[str, str]:
    """The variables that a container's spec sets; later ones may refer to earlier ones.

    Raises:
        SpecError: a value comes from elsewhere than the spec and the pod's own fields.
    """
    if "envFrom" in container:
        raise SpecError("envFrom is not supported here")
    variables: dict[str, str] = {}
    for entry in container.get("env") or ():
        match entry.get("valueFrom"):
            case None:
                value = expand(entry.get("value", ""), variables)
            case {"fieldRef": {"fieldPath": path}}:
                value = field(pod, path)
            case source:
                raise SpecError(
                    f"environment variable {entry['name']}: valueFrom {', '.join(source)} is not supported here"
                )
        variables[entry["name"]] = value
    return variables


def field(pod: Object, path: str) -> str:
    """The value of a pod's field, as the downward API gives it.

    Raises:
        SpecError: the downward API has no such field.
    """
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if subscript := _SUBSCRIPT.fullmatch(path):
        return str((metadata.get(subscript.group(1)) or {}).get(subscript.group(2), ""))
    fields: dict[str, str] = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": status.get("hostIP", "127.0.0.1"),
        "status.podIP": status.get("podIP", "127.0.0.1"),
    }
    if path not in fields:
        raise SpecError(f"fieldRef {path} is not supported; supported are {', '.join(fields)}, labels and annotations")
    return fields[path]


def refused_features(pod: Object) -> Sequence[str]:
    """The features of a pod that a node of the local cloud lacks; empty when the pod can run."""
    refused: list[str] = []
    if pod["spec"].get("initContainers"):
        refused.append("init containers cannot run in the local cloud")
    if (policy := pod["spec"].get("restartPolicy", "Always")) != "Always":
        refused.append(f"restartPolicy {policy} is not supported in the local cloud: it runs pods of Deployments")
    return refused


def parse_images(entries: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Image table entries of a command line, `PATTERN=COMMAND`, where the command is split as a shell would."""
    pairs = (entry.partition("=") for entry in entries)
    return {pattern: tuple(shlex.split(command)) for pattern, _, command in pairs}


def command_for(image: str, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The program that stands in for an image; None for an unknown image."""
    return next((command for pattern, command in table.items() if fnmatch.fnmatchcase(image, pattern)), None)


def image_refusal(image: str, table: Mapping[str, tuple[str, ...]]) -> str:
    """Why an image does not run, and which images do."""
    return f"the image {image} cannot run in the local cloud, which has no container engine; it runs {', '.join(table)}"
