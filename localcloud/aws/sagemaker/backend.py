"""What SageMaker's API asks of whoever runs transform jobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class RoleCredentials:
    """Temporary keys of an execution role."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


RoleSessions = Callable[[str, str], RoleCredentials]
"""Assumes a role as sagemaker.amazonaws.com: role ARN and the ARN of the job or model in.

Raises AwsError where the role does not exist or does not trust SageMaker.
"""


@dataclass(frozen=True)
class OrderedContainer:
    """A container of the model to run.

    Args:
        image: its image.
        model_data_url: where its model archive is, if it has one.
        environment: what CreateModel gave it.
        name: by which logs call it; empty where the model has one container only.
    """

    image: str
    model_data_url: str | None
    environment: Mapping[str, str]
    name: str = ""


@dataclass(frozen=True)
class Order:
    """A job to run, complete in itself: it goes to the worker as JSON.

    Args:
        arn: the job's ARN, its identity.
        request: the arguments of CreateTransformJob.
        containers: of the model, in the order of their work.
        region: where the job runs.
        credentials: of the model's execution role.
    """

    arn: str
    request: Mapping[str, Any]
    containers: Sequence[OrderedContainer]
    region: str
    credentials: RoleCredentials

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Order:
        values = dict(fields)
        containers = [OrderedContainer(**one) for one in values.pop("containers")]
        return cls(credentials=RoleCredentials(**values.pop("credentials")), containers=containers, **values)


class JobListener(Protocol):
    """Is told how a job goes on; called from any thread."""

    def started(self, arn: str, /) -> None: ...

    def ended(self, arn: str, status: str, reason: str | None, /) -> None: ...


class TransformBackend(Protocol):
    """Runs transform jobs; never raises for what a job does."""

    def start(self, order: Order, listener: JobListener, /) -> None: ...

    def stop(self, arn: str, /) -> None:
        """Stop a job, running or queued; its listener is told when it has ended."""
        ...

    def warm(self) -> None:
        """Get ready for the first job, without waiting for it."""
        ...

    def close(self) -> None:
        """End everything that runs."""
        ...
