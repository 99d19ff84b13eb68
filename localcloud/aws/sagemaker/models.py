"""CreateModel, DescribeModel, DeleteModel, ListModels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.protocol.errors import AwsError
from localcloud.aws.sagemaker import faults
from localcloud.aws.sagemaker.backend import RoleCredentials, RoleSessions
from localcloud.aws.sagemaker.listing import Listing, page
from localcloud.aws.sagemaker.probe import Found, StorageProbe
from localcloud.aws.sagemaker.regions import Region
from localcloud.aws.sagemaker.store import ModelRecord
from localcloud.aws.sagemaker.tags import from_list
from localcloud.batch_transform.keys import S3Uri

_LISTING = Listing("Models", {"Name": "ModelName", "CreationTime": "CreationTime"}, "CreationTime")


class Models:
    """The operations on models.

    Args:
        sessions: assumes execution roles.
        probe: looks for model data.
    """

    def __init__(self, sessions: RoleSessions, probe: StorageProbe) -> None:
        self._sessions = sessions
        self._probe = probe

    def create(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        arn = region.arn("model", name)
        self._check_free(region, name, arn)
        _check_containers(request)
        tags = from_list(request.get("Tags"))
        self._check_data(region, request, arn)
        with region.store.lock:
            self._check_free(region, name, arn)
            region.store.models[name] = ModelRecord(name, arn, request, tags)
        return {"ModelArn": arn}

    def describe(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        model = find(region, request["ModelName"])
        shown = {name: value for name, value in model.request.items() if name != "Tags"}
        return {
            **shown,
            "ModelArn": model.arn,
            "CreationTime": model.creation_time,
            "EnableNetworkIsolation": bool(shown.get("EnableNetworkIsolation")),
        }

    def delete(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.store.lock:
            del region.store.models[find(region, request["ModelName"]).name]
        return {}

    def list(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.store.lock:
            items = [
                {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.creation_time}
                for model in region.store.models.values()
            ]
        return page(items, request, _LISTING)

    def _check_free(self, region: Region, name: str, arn: str) -> None:
        with region.store.lock:
            if name in region.store.models:
                raise faults.ValidationError(f'Cannot create already existing model "{arn}".')

    def _check_data(self, region: Region, request: Mapping[str, Any], arn: str) -> None:
        """The execution role must be able to read every model archive."""
        role = request.get("ExecutionRoleArn")
        locations = [url for container in containers(request) if (url := data_url(container))]
        if not locations:
            return
        if role is None:
            raise faults.ValidationError("ExecutionRoleArn is needed to read the model data.")
        for url in locations:
            self._check_location(region, url, role, self._credentials(role, arn, url, region))

    def _credentials(self, role: str, arn: str, url: str, region: Region) -> RoleCredentials:
        try:
            return self._sessions(role, arn)
        except AwsError as error:
            raise faults.model_data_refused(url, role, region.name) from error

    def _check_location(self, region: Region, url: str, role: str, credentials: RoleCredentials) -> None:
        place = S3Uri.parse(url)
        found = self._probe.has_object(credentials, region.name, place.bucket, place.key)
        if found is Found.NO:
            raise faults.ValidationError(f"Could not find model data at {url}.")
        if found is Found.REFUSED:
            raise faults.model_data_refused(url, role, region.name)


def find(region: Region, name: str) -> ModelRecord:
    """A model.

    Raises:
        ValidationError: there is none of that name.
    """
    with region.store.lock:
        model = region.store.models.get(name)
    if model is None:
        raise faults.model_not_found(region.arn("model", name))
    return model


def containers(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The container definitions of a CreateModel request."""
    if primary := request.get("PrimaryContainer"):
        yield primary
    yield from request.get("Containers") or ()


def data_url(container: Mapping[str, Any]) -> str | None:
    """Where a container's model archive is."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return container.get("ModelDataUrl") or source.get("S3Uri") or None


def _check_containers(request: Mapping[str, Any]) -> None:
    if bool(request.get("PrimaryContainer")) == bool(request.get("Containers")):
        raise faults.ValidationError("You must provide either PrimaryContainer or Containers, and not both.")
    for container in containers(request):
        _check_container(container)


def _check_container(container: Mapping[str, Any]) -> None:
    if not container.get("Image"):
        what = "a container from a model package" if container.get("ModelPackageName") else "a container without Image"
        raise faults.ValidationError(f"{what.capitalize()} is not available in the local cloud; name an Image.")
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    if container.get("ModelDataUrl") and source:
        raise faults.ValidationError("Only one of ModelDataUrl and ModelDataSource may be given for a container.")
    if source and (source["S3DataType"], source["CompressionType"]) != ("S3Object", "Gzip"):
        raise faults.ValidationError(
            "ModelDataSource is available in the local cloud only with S3DataType S3Object and CompressionType Gzip."
        )
    if container.get("Mode") == "MultiModel":
        raise faults.ValidationError("Multi-model containers are not available in the local cloud.")
