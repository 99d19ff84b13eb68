"""`make report` on the local stack: runs the notebook, and serves the job's model in a container for single rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import containers
from localcloud.batch_transform.containers import wait_until_ready
from localcloud.batch_transform.errors import InstanceFailure
from localcloud.batch_transform.job import Cancellation
from localcloud.console import CommandError

START_SECONDS = 30.0

Connect = Callable[[str], Any]
"""Gives the boto3 client of a service."""


@dataclass(frozen=True)
class Model:
    """The image, archive and environment of a model's container."""

    image: str
    archive: Path
    environment: Mapping[str, str]


@contextmanager
def model_of(job_name: str, connect: Connect) -> Generator[Model]:
    """The model that a transform job used, with its archive from S3.

    Raises:
        CommandError: it is no longer there, or has no archive.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = _fetch(job_name, connect, Path(folder) / "model.tar.gz")
        except (ClientError, BotoCoreError, KeyError) as error:
            raise CommandError(f"the model of {job_name} is not available: {error}") from error
        yield found


def _fetch(job_name: str, connect: Connect, archive: Path) -> Model:
    sagemaker = connect("sagemaker")
    model = sagemaker.describe_transform_job(TransformJobName=job_name)["ModelName"]
    container = sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    archive.write_bytes(connect("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return Model(container["Image"], archive, container.get("Environment") or {})


@contextmanager
def serving(model: Model) -> Generator[str]:
    """Serve a model by the real-time contract.

    Yields:
        The container's address, when it answers `/ping`.

    Raises:
        CommandError: it does not start.
    """
    try:
        with containers.start(
            model.image, model.archive, dict(model.environment), vcpus=1, log=lambda _: None
        ) as container:
            wait_until_ready(container, Cancellation(), START_SECONDS)
            yield container.url
    except containers.ContainerError as error:
        raise CommandError(f"the model's container does not start: {error}") from error
    except InstanceFailure as failure:
        raise CommandError("the model's container does not answer /ping") from failure
