"""The operations of SageMaker that batch transform needs, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.protocol.wire import Call, Operation
from localcloud.aws.sagemaker import store
from localcloud.aws.sagemaker.jobs import TransformJobs
from localcloud.aws.sagemaker.models import Models
from localcloud.aws.sagemaker.store import Region, Regions

Handler = Callable[[Region, Mapping[str, Any]], dict[str, Any]]


def operations(account_id: str, jobs: TransformJobs, models: Models) -> Mapping[str, Operation]:
    """Return the operations of an account; each acts on the records of the call's region."""
    handlers: Mapping[str, Handler] = {
        "CreateTransformJob": jobs.create,
        "DescribeTransformJob": jobs.describe,
        "ListTransformJobs": jobs.list,
        "StopTransformJob": jobs.stop,
        "CreateModel": models.create,
        "DescribeModel": models.describe,
        "DeleteModel": models.delete,
        "ListModels": models.list,
        "AddTags": store.add_tags,
        "ListTags": store.list_tags,
        "DeleteTags": store.delete_tags,
    }
    regions = Regions(account_id)
    return {name: _in_region(regions, handler) for name, handler in handlers.items()}


def _in_region(regions: Regions, handler: Handler) -> Operation:
    def answer(call: Call) -> Mapping[str, Any]:
        return handler(regions.get(call.region), call.params)

    return answer
