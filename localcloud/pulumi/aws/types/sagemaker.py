"""SageMaker's model."""

from __future__ import annotations

import re

from localcloud.pulumi.aws.api import Api, Tagging
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.resource import Naming
from localcloud.pulumi.wire import Properties, names

_NAME = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,62})")
_API = Api(
    token="aws:sagemaker/model:Model",
    service="sagemaker",
    identity="name",
    calls=("CreateModel", "DescribeModel", "DeleteModel"),
    gone=("ValidationException: Could not find model",),
    names={"name": "ModelName", "arn": "ModelArn"},
    tagging=Tagging("sagemaker", adds="AddTags", removes="DeleteTags", listing="ListTags"),
    # The role and its permissions were created seconds ago.
    settling={"ValidationException": "Could not a"},
    settling_seconds=30,
)


def _read(cloud: Cloud, identity: str, known: Properties) -> Properties | None:
    found = _API.read(cloud, identity, known)
    return found and {
        "inferenceExecutionConfig": {"mode": "Serial"},
        **found,
        "containers": found["containers"] or None,
    }


def _problems(inputs: Properties) -> dict[str, str]:
    problems: dict[str, str] = {}
    name, container = inputs.get("name"), inputs.get("primaryContainer")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        problems["name"] = (
            f"{name!r} is not a model name: use letters, digits and `-`, at most 63, with a letter or digit first"
        )
    if ("primaryContainer" in inputs) == ("containers" in inputs):
        problems["primaryContainer"] = "give either `primaryContainer` or `containers`"
    given = container.keys() if isinstance(container, dict) else frozenset[str]()
    for path in names("modelDataSource additionalModelDataSources") & given:
        problems[f"primaryContainer.{path}"] = (
            f"the local cloud does not support `{path}`: batch transform refuses it too; use `modelDataUrl`"
        )
    return problems


MODEL = _API.type(
    read=_read,
    replaces=names(
        "containers enableNetworkIsolation executionRoleArn inferenceExecutionConfig name primaryContainer vpcConfig"
    ),
    sets=names("vpcConfig.securityGroupIds vpcConfig.subnets"),
    naming=Naming("name", limit=63),
    validate=_problems,
)

TYPES = (MODEL,)
