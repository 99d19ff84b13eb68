"""The operations of SageMaker that batch transform needs, checked and dispatched by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from localcloud.aws.sagemaker import quotas, shapes, tags
from localcloud.aws.sagemaker.backend import RoleSessions, TransformBackend
from localcloud.aws.sagemaker.jobs import TransformJobs
from localcloud.aws.sagemaker.models import Models
from localcloud.aws.sagemaker.probe import StorageProbe
from localcloud.aws.sagemaker.regions import Region, Regions

Handler = Callable[[Region, Mapping[str, Any]], dict[str, Any]]


class GatewayCall(Protocol):
    """What is read of a call that the endpoint's gateway hands on."""

    @property
    def operation(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def params(self) -> Mapping[str, Any]: ...


class SageMaker:
    """SageMaker of one account.

    Args:
        account_id: the account.
        home: folder of the generated state; quotas are read from it.
        transforms: runs the jobs.
        sessions: assumes execution roles as sagemaker.amazonaws.com.
        probe: looks for inputs and model data.
    """

    def __init__(
        self,
        account_id: str,
        home: Path,
        transforms: TransformBackend,
        sessions: RoleSessions,
        probe: StorageProbe,
    ) -> None:
        self.transforms = transforms
        self._regions = Regions(account_id)
        jobs = TransformJobs(
            transforms,
            sessions,
            probe,
            lambda kind: quotas.transform_limit(home, kind),
        )
        models = Models(sessions, probe)
        self._handlers: dict[str, Handler] = {
            "CreateTransformJob": jobs.create,
            "DescribeTransformJob": jobs.describe,
            "ListTransformJobs": jobs.list,
            "StopTransformJob": jobs.stop,
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "DeleteModel": models.delete,
            "ListModels": models.list,
            "AddTags": tags.add,
            "ListTags": tags.list_tags,
            "DeleteTags": tags.delete,
        }

    @property
    def names(self) -> list[str]:
        """The operations that are answered here."""
        return list(self._handlers)

    def answer(self, operation: str, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The result of an operation.

        Raises:
            SageMakerError: the request is refused.
        """
        shapes.check(operation, request)
        return self._handlers[operation](self._regions.get(region), request)

    def operations(self) -> Mapping[str, Callable[[GatewayCall], Mapping[str, Any]]]:
        """What `Gateway.register("sagemaker", ...)` takes."""
        return dict.fromkeys(self._handlers, lambda call: self.answer(call.operation, call.region, call.params))
