"""How the worker starts containers: a function named on its command line."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

from localcloud.batch_transform.containers import Container
from localcloud.batch_transform.errors import InstanceFailure

LOCAL_PROCESSES = "localcloud.aws.sagemaker.runtime:local_process"


class ContainerRuntime(Protocol):
    """Starts an image; raises InstanceFailure where it cannot."""

    def __call__(
        self,
        image: str,
        model_archive: Path | None,
        environment: Mapping[str, str],
        /,
        *,
        vcpus: int,
        log: Callable[[bytes], None],
        network_isolation: bool,
    ) -> Container: ...


def load_runtime(name: str) -> ContainerRuntime:
    """The function, ready for its first call."""
    module, _, function = name.partition(":")
    if name == LOCAL_PROCESSES:
        importlib.import_module("localcloud.containers").prewarm()
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
    """Run an image as a local process."""
    containers = importlib.import_module("localcloud.containers")
    try:
        container = containers.start(
            image, model_archive, environment, vcpus=vcpus, log=log, network_isolation=network_isolation
        )
    except containers.ContainerError as error:
        raise InstanceFailure(f"ClientError: {error}", (str(error),)) from error
    return cast("Container", container)
