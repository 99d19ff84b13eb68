"""SageMaker as batch transform needs it: its operations by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.protocol.wire import Call, Operation
from localcloud.aws.s3 import RoleAccess
from localcloud.aws.sagemaker import store
from localcloud.aws.sagemaker.jobs import TransformJobs
from localcloud.aws.sagemaker.models import Models
from localcloud.aws.sagemaker.orders import RoleSessions, TransformBackend
from localcloud.aws.sagemaker.store import Region, Regions

Handler = Callable[[Region, Mapping[str, Any]], dict[str, Any]]


class SageMaker:
    """SageMaker of one account.

    Args:
        account_id: the account.
        transforms: runs the jobs.
        sessions: assumes execution roles as sagemaker.amazonaws.com.
        s3: S3 with the permissions of an execution role.
        limit: how many instances of a type transform jobs may use at once; None for no limit.
    """

    def __init__(
        self,
        account_id: str,
        transforms: TransformBackend,
        sessions: RoleSessions,
        s3: RoleAccess,
        limit: Callable[[str], int | None],
    ) -> None:
        self._regions = Regions(account_id)
        self._jobs = TransformJobs(transforms, sessions, s3, limit)
        self._models = Models(sessions, s3)

    def operations(self) -> Mapping[str, Operation]:
        jobs, models = self._jobs, self._models
        return {
            "CreateTransformJob": self._in_region(jobs.create),
            "DescribeTransformJob": self._in_region(jobs.describe),
            "ListTransformJobs": self._in_region(jobs.list),
            "StopTransformJob": self._in_region(jobs.stop),
            "CreateModel": self._in_region(models.create),
            "DescribeModel": self._in_region(models.describe),
            "DeleteModel": self._in_region(models.delete),
            "ListModels": self._in_region(models.list),
            "AddTags": self._in_region(store.add_tags),
            "ListTags": self._in_region(store.list_tags),
            "DeleteTags": self._in_region(store.delete_tags),
        }

    def describe_transform_job(self, region: str, name: str) -> Mapping[str, Any]:
        """Return the answer of DescribeTransformJob."""
        return self._jobs.describe(self._regions.get(region), {"TransformJobName": name})

    def _in_region(self, handler: Handler) -> Operation:
        def answer(call: Call) -> Mapping[str, Any]:
            return handler(self._regions.get(call.region), call.params)

        return answer
