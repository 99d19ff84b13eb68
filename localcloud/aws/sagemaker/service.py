"""The operations of SageMaker that batch transform needs, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.protocol.wire import Call, Operation
from localcloud.aws.sagemaker import store
from localcloud.aws.sagemaker.jobs import TransformJobs
from localcloud.aws.sagemaker.models import Models
from localcloud.aws.sagemaker.store import Region

Handler = Callable[[Region, Mapping[str, Any]], dict[str, Any]]


def operations(jobs: TransformJobs, models: Models) -> Mapping[str, Operation]:
    """Return the operations; each acts on the records of the call's region."""
    regions: dict[str, Region] = {}
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

    def in_region(handler: Handler) -> Operation:
        def answer(call: Call) -> Mapping[str, Any]:
            new = Region(call.region, call.principal.account_id)
            return handler(regions.setdefault(call.region, new), call.params)  # which is atomic

        return answer

    return {name: in_region(handler) for name, handler in handlers.items()}
