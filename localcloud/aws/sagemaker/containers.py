"""The function with which the worker starts a model's containers. The worker's command line names it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from localcloud.batch_transform.containers import Container
from localcloud.batch_transform.errors import InstanceFailure

_SIZE = re.compile(r"(\d*)xlarge$")
_VCPUS = {"ml.c4.8xlarge": 36}  # exceptions from the rule below
LOCAL_PROCESSES = "localcloud.aws.sagemaker.containers:local_process"


ContainerRuntime = Callable[..., Container]
"""Starts an image. Its arguments are those of `local_process`; it raises InstanceFailure if the image does not start."""


def load_runtime(name: str) -> ContainerRuntime:
    """Import the function that a command line names as `module:function`, and prepare its first call."""
    module, _, function = name.partition(":")
    if name == LOCAL_PROCESSES:
        from localcloud.containers import prewarm  # noqa: PLC0415  it is slow to load, and only a worker needs it

        prewarm()
    return cast("ContainerRuntime", getattr(importlib.import_module(module), function))


def local_process(
    image: str,
    model_archive: Path | None,
    environment: Mapping[str, str],
    /,
    *,
    vcpus: int,
    log: Callable[[bytes], None],
    network_isolation: bool,
) -> Container:
    """Start an image as a local process; the arguments are those of `localcloud.containers.start`."""
    from localcloud.containers import ContainerError, start  # noqa: PLC0415  as above

    try:
        return start(image, model_archive, environment, vcpus=vcpus, log=log, network_isolation=network_isolation)
    except ContainerError as error:
        raise InstanceFailure(f"ClientError: {error}", (str(error),)) from error


def vcpus(instance_type: str) -> int:
    """Return how many vCPUs an instance type has: four for each `xlarge`, two for a `large`."""
    if instance_type in _VCPUS:
        return _VCPUS[instance_type]
    match = _SIZE.search(instance_type)
    return 4 * int(match[1] or 1) if match else 2
