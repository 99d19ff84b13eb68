"""CreateModel, DescribeModel, DeleteModel, ListModels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.aws.sagemaker.backend import RoleSessions
from localcloud.aws.sagemaker.faults import ValidationError, model_not_found
from localcloud.aws.sagemaker.listing import Listing, page
from localcloud.aws.sagemaker.regions import Region, Regions
from localcloud.aws.sagemaker.store import ModelRecord
from localcloud.aws.sagemaker.tags import from_list

_LISTING = Listing("Models", {"Name": "ModelName", "CreationTime": "CreationTime"}, "CreationTime")


class Models:
    """The operations on models."""

    def __init__(self, regions: Regions, sessions: RoleSessions) -> None:
        self._regions = regions
        self._sessions = sessions

    def create(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        arn = region.arn("model", name)
        with region.store.lock:
            if name in region.store.models:
                raise ValidationError(f'Cannot create already existing model "{arn}".')
            region.store.models[name] = ModelRecord(name, arn, request, from_list(request.get("Tags")))
        return {"ModelArn": arn}

    def describe(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        model = self._find(region, request["ModelName"])
        shown = {name: value for name, value in model.request.items() if name != "Tags"}
        return {
            **shown,
            "ModelArn": model.arn,
            "CreationTime": model.creation_time,
            "EnableNetworkIsolation": bool(shown.get("EnableNetworkIsolation")),
        }

    def delete(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.store.lock:
            self._find(region, request["ModelName"])
            del region.store.models[request["ModelName"]]
        return {}

    def list(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.store.lock:
            items = [
                {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.creation_time}
                for model in region.store.models.values()
            ]
        return page(items, request, _LISTING)

    def _find(self, region: Region, name: str) -> ModelRecord:
        with region.store.lock:
            model = region.store.models.get(name)
        if model is None:
            raise model_not_found(region.arn("model", name))
        return model
