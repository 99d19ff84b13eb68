"""CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/execution"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model"
IMAGE = {"Image": "double/lines"}


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_model_is_described_as_it_was_made(cloud: Any) -> None:
    bucket = cloud.bucket({"model.tar.gz": b"x"})
    container = {**IMAGE, "ModelDataUrl": f"s3://{bucket}/model.tar.gz", "Environment": {"A": "1"}}
    made = cloud.sagemaker.create_model(ModelName="whole", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert made["ModelArn"] == f"{ARN}/whole"
    found = cloud.sagemaker.describe_model(ModelName="whole")
    assert found.pop("CreationTime")
    del found["ResponseMetadata"]
    assert found == {
        "ModelName": "whole",
        "ModelArn": f"{ARN}/whole",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": container,
        "EnableNetworkIsolation": False,
    }


def test_a_models_name_is_unique_until_it_is_deleted(cloud: Any) -> None:
    request: dict[str, Any] = {"ModelName": "twice", "ExecutionRoleArn": ROLE, "PrimaryContainer": IMAGE}
    cloud.sagemaker.create_model(**request)
    expected = ("ValidationException", f'Cannot create already existing model "{ARN}/twice".')
    assert refusal(cloud.sagemaker.create_model, **request) == expected
    cloud.sagemaker.delete_model(ModelName="twice")
    cloud.sagemaker.create_model(**request)


@pytest.mark.parametrize("operation", ["describe_model", "delete_model"])
def test_an_unknown_model_is_not_found(cloud: Any, operation: str) -> None:
    expected = ("ValidationException", f'Could not find model "{ARN}/nobody".')
    assert refusal(getattr(cloud.sagemaker, operation), ModelName="nobody") == expected


def test_model_data_that_is_not_there_is_refused(cloud: Any) -> None:
    url = f"s3://{cloud.bucket({})}/model.tar.gz"
    answer = refusal(
        cloud.sagemaker.create_model,
        ModelName="dataless",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={**IMAGE, "ModelDataUrl": url},
    )
    assert answer == ("ValidationException", f"Could not find model data at {url}.")


def test_model_data_that_the_role_cannot_read_is_refused(cloud: Any) -> None:
    role = "arn:aws:iam::123456789012:role/untrusting"
    answer = refusal(
        cloud.sagemaker.create_model,
        ModelName="roleless",
        ExecutionRoleArn=role,
        PrimaryContainer={**IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"},
    )
    message = (
        f'Could not access model data at s3://b/model.tar.gz. Please ensure that the role "{role}" exists and that its '
        'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
        '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object is '
        "located in us-east-1."
    )
    assert answer == ("ValidationException", message)


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        pytest.param({}, "You must provide either PrimaryContainer or Containers, and not both.", id="no container"),
        pytest.param(
            {"PrimaryContainer": IMAGE, "Containers": [IMAGE]},
            "You must provide either PrimaryContainer or Containers, and not both.",
            id="both kinds of containers",
        ),
        pytest.param(
            {"PrimaryContainer": {"ModelPackageName": "p"}},
            "A container from a model package is not available in the local cloud; name an Image.",
            id="a model package",
        ),
        pytest.param(
            {"PrimaryContainer": {**IMAGE, "Mode": "MultiModel"}},
            "Multi-model containers are not available in the local cloud.",
            id="many models",
        ),
    ],
)
def test_containers_that_cannot_run_are_refused(cloud: Any, containers: dict[str, Any], message: str) -> None:
    answer = refusal(cloud.sagemaker.create_model, ModelName="odd", ExecutionRoleArn=ROLE, **containers)
    assert answer == ("ValidationException", message)


def test_models_are_listed_by_name_and_page(cloud: Any) -> None:
    for letter in "bca":
        cloud.sagemaker.create_model(ModelName=f"listed-{letter}", ExecutionRoleArn=ROLE, PrimaryContainer=IMAGE)
    request = {"NameContains": "listed-", "SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2}
    first = cloud.sagemaker.list_models(**request)
    second = cloud.sagemaker.list_models(**request, NextToken=first["NextToken"])
    names = [[one["ModelName"] for one in page["Models"]] for page in (first, second)]
    assert names == [["listed-a", "listed-b"], ["listed-c"]]
    assert "NextToken" not in second
