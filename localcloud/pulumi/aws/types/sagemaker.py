"""SageMaker's model."""

from __future__ import annotations

import re
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.endpoint import AwsError
from localcloud.pulumi.aws.resource import Naming, ResourceType, Tags, names, tag_list, tag_map
from localcloud.pulumi.wire import Properties

_MISSING = "Could not find model"
_NAME = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,62})")
_CONTAINER = {
    "containerHostname": "ContainerHostname",
    "environment": "Environment",
    "image": "Image",
    "inferenceSpecificationName": "InferenceSpecificationName",
    "mode": "Mode",
    "modelDataUrl": "ModelDataUrl",
    "modelPackageName": "ModelPackageName",
}
# The role and its permissions were created seconds ago.
_SETTLING = {"ValidationException": "Could not a"}


def _to_container(values: Properties) -> dict[str, Any]:
    made = {api: values[name] for name, api in _CONTAINER.items() if values.get(name)}
    if config := values.get("imageConfig"):
        made["ImageConfig"] = {"RepositoryAccessMode": config["repositoryAccessMode"]}
    if multi := values.get("multiModelConfig"):
        made["MultiModelConfig"] = {"ModelCacheSetting": multi["modelCacheSetting"]}
    return made


def _from_container(values: Any) -> Properties:
    made: Properties = {name: values[api] for name, api in _CONTAINER.items() if values.get(api)}
    made.setdefault("mode", "SingleModel")
    if config := values.get("ImageConfig"):
        made["imageConfig"] = {"repositoryAccessMode": config["RepositoryAccessMode"]}
    if multi := values.get("MultiModelConfig"):
        made["multiModelConfig"] = {"modelCacheSetting": multi["ModelCacheSetting"]}
    return made


def _create(cloud: Cloud, inputs: Properties) -> str:
    vpc = inputs.get("vpcConfig")
    cloud.retry(
        lambda: cloud.sagemaker(
            "CreateModel",
            ModelName=inputs["name"],
            ExecutionRoleArn=inputs["executionRoleArn"],
            PrimaryContainer=_to_container(inputs["primaryContainer"]) if "primaryContainer" in inputs else None,
            Containers=[_to_container(c) for c in inputs["containers"]] if "containers" in inputs else None,
            InferenceExecutionConfig=(
                {"Mode": inputs["inferenceExecutionConfig"]["mode"]} if "inferenceExecutionConfig" in inputs else None
            ),
            EnableNetworkIsolation=inputs.get("enableNetworkIsolation"),
            VpcConfig={"SecurityGroupIds": vpc["securityGroupIds"], "Subnets": vpc["subnets"]} if vpc else None,
            Tags=tag_list(inputs.get("tagsAll")),
        ),
        codes=_SETTLING,
        seconds=30,
    )
    return inputs["name"]


def _model(cloud: Cloud, name: str) -> Any:
    try:
        return cloud.sagemaker("DescribeModel", ModelName=name)
    except AwsError as e:
        if e.code == "ValidationException" and e.reason.startswith(_MISSING):
            return None
        raise


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _model(cloud, identity)
    if found is None:
        return None
    vpc, primary = found.get("VpcConfig"), found.get("PrimaryContainer")
    return {
        "name": identity,
        "arn": found["ModelArn"],
        "executionRoleArn": found["ExecutionRoleArn"],
        "enableNetworkIsolation": bool(found.get("EnableNetworkIsolation")),
        "primaryContainer": _from_container(primary) if primary else None,
        "containers": [_from_container(c) for c in found.get("Containers") or []] or None,
        "inferenceExecutionConfig": {"mode": (found.get("InferenceExecutionConfig") or {}).get("Mode", "Serial")},
        "vpcConfig": {"securityGroupIds": vpc["SecurityGroupIds"], "subnets": vpc["Subnets"]} if vpc else None,
        "tagsAll": _tags(cloud, found["ModelArn"]),
    }


def _tags(cloud: Cloud, arn: str) -> Tags:
    answer = cloud.sagemaker("ListTags", ResourceArn=arn)
    tags = tag_map(answer["Tags"])
    while token := answer.get("NextToken"):
        answer = cloud.sagemaker("ListTags", ResourceArn=arn, NextToken=token)
        tags |= tag_map(answer["Tags"])
    return tags


def _tag(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    if remove:
        cloud.sagemaker("DeleteTags", ResourceArn=outputs["arn"], TagKeys=remove)
    if add:
        cloud.sagemaker("AddTags", ResourceArn=outputs["arn"], Tags=tag_list(add))


def _delete(cloud: Cloud, identity: str, known: Properties) -> None:
    try:
        cloud.sagemaker("DeleteModel", ModelName=identity)
    except AwsError as e:
        if not (e.code == "ValidationException" and e.reason.startswith(_MISSING)):
            raise


def _problems(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    name = inputs.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        problems["name"] = (
            f"{name!r} is not a model name: use letters, digits and `-`, at most 63, with a letter or digit first"
        )
    if ("primaryContainer" in inputs) == ("containers" in inputs):
        problems["primaryContainer"] = "give either `primaryContainer` or `containers`"
    for path in ("modelDataSource", "additionalModelDataSources"):
        container: Any = inputs.get("primaryContainer")
        if isinstance(container, dict) and path in container:
            problems[f"primaryContainer.{path}"] = (
                f"the local cloud does not support `{path}`: batch transform refuses it too; use `modelDataUrl`"
            )
    return problems


MODEL = ResourceType(
    token="aws:sagemaker/model:Model",
    create=_create,
    read=_read,
    delete=_delete,
    tagger=_tag,
    replaces=names(
        "containers enableNetworkIsolation executionRoleArn inferenceExecutionConfig name primaryContainer vpcConfig"
    ),
    sets=names("vpcConfig.securityGroupIds vpcConfig.subnets"),
    naming=Naming("name", limit=63),
    validate=_problems,
)
