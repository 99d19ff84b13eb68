"""CreateModel, DescribeModel, DeleteModel, ListModels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.iam.credentials import Principal
from localcloud.aws.protocol.wire import AwsError
from localcloud.aws.s3 import RoleAccess
from localcloud.aws.sagemaker import errors
from localcloud.aws.sagemaker.orders import RoleSessions
from localcloud.aws.sagemaker.store import ModelRecord, Region, model_arn, page, tags_from, without_tags
from localcloud.batch_transform.objects import S3Uri


class Models:
    """The operations on models.

    Args:
        sessions: assumes execution roles.
        s3: S3 with the permissions of an execution role.
    """

    def __init__(self, sessions: RoleSessions, s3: RoleAccess) -> None:
        self._sessions = sessions
        self._s3 = s3

    def create(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        arn = model_arn(region.name, region.account_id, name)
        self._check_free(region, name, arn)
        _check_containers(request)
        tags = tags_from(request.get("Tags"))
        self._check_data(region, request, arn)
        with region.lock:
            self._check_free(region, name, arn)
            region.models[name] = ModelRecord(name, arn, without_tags(request), tags)
        return {"ModelArn": arn}

    def describe(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        model = find(region, request["ModelName"])
        return {
            **model.request,
            "ModelArn": model.arn,
            "CreationTime": model.creation_time,
            "EnableNetworkIsolation": bool(model.request.get("EnableNetworkIsolation")),
        }

    def delete(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.lock:
            del region.models[find(region, request["ModelName"]).name]
        return {}

    def list(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.lock:
            items = [
                {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.creation_time}
                for model in region.models.values()
            ]
        return page("Models", "Model", items, request)

    def _check_free(self, region: Region, name: str, arn: str) -> None:
        with region.lock:
            if name in region.models:
                raise errors.ValidationError(f'Cannot create already existing model "{arn}".')

    def _check_data(self, region: Region, request: Mapping[str, Any], arn: str) -> None:
        """Refuse a model if its execution role cannot read one of its archives."""
        role = request.get("ExecutionRoleArn")
        locations = [url for container in containers(request) if (url := data_url(container))]
        if not locations:
            return
        if role is None:
            raise errors.ValidationError(
                "The model has model data, so it needs an ExecutionRoleArn with which to read it."
            )
        try:
            principal = self._sessions(role, arn).principal
        except AwsError as error:
            raise errors.model_data_refused(locations[0], role, region.name) from error
        for url in locations:
            self._check_location(region, url, role, principal)

    def _check_location(self, region: Region, url: str, role: str, principal: Principal) -> None:
        place = S3Uri.parse(url)
        try:
            found = self._s3.has_object(principal, region.name, place.bucket, place.key)
        except AwsError as error:
            raise errors.model_data_refused(url, role, region.name) from error
        if not found:
            raise errors.ValidationError(f"Could not find model data at {url}.")


def find(region: Region, name: str) -> ModelRecord:
    """Return a model by its name.

    Raises:
        ValidationError: there is no such model.
    """
    with region.lock:
        model = region.models.get(name)
    if model is None:
        arn = model_arn(region.name, region.account_id, name)
        raise errors.ValidationError(f'Could not find model "{arn}".')
    return model


def containers(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return the container definitions of a CreateModel request."""
    if primary := request.get("PrimaryContainer"):
        yield primary
    yield from request.get("Containers") or ()


def data_url(container: Mapping[str, Any]) -> str | None:
    """Return the URL of a container's model archive."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return container.get("ModelDataUrl") or source.get("S3Uri") or None


def _check_containers(request: Mapping[str, Any]) -> None:
    if bool(request.get("PrimaryContainer")) == bool(request.get("Containers")):
        raise errors.ValidationError("You must provide either PrimaryContainer or Containers, and not both.")
    for container in containers(request):
        _check_container(container)


def _check_container(container: Mapping[str, Any]) -> None:
    if not container.get("Image"):
        kind = "from a model package" if container.get("ModelPackageName") else "without an Image"
        raise errors.ValidationError(f"A container {kind} is not available in the local cloud; name an Image.")
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    if container.get("ModelDataUrl") and source:
        raise errors.ValidationError("Only one of ModelDataUrl and ModelDataSource may be given for a container.")
    if source and (source["S3DataType"], source["CompressionType"]) != ("S3Object", "Gzip"):
        raise errors.ValidationError(
            "ModelDataSource is available in the local cloud only with S3DataType S3Object and CompressionType Gzip."
        )
    if container.get("Mode") == "MultiModel":
        raise errors.ValidationError("Multi-model containers are not available in the local cloud.")
