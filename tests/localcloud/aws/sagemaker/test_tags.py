"""Tags of models and transform jobs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(params=["model", "transform-job"])
def arn(cloud: Any, request: pytest.FixtureRequest) -> str:
    """A resource of each kind, made with the tag first=1."""
    tags = [{"Key": "first", "Value": "1"}]
    model = cloud.model()
    if request.param == "model":
        name = f"tagged-{model}"
        container = {"Image": "double/lines"}
        role = "arn:aws:iam::123456789012:role/execution"
        made = cloud.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, Tags=tags
        )
        return made["ModelArn"]
    arguments = cloud.request(cloud.bucket({"in/a.csv": b"1\n"}), model, Tags=tags)
    return cloud.sagemaker.create_transform_job(**arguments)["TransformJobArn"]


def shown(cloud: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in cloud.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_tags_are_added_changed_and_deleted(cloud: Any, arn: str) -> None:
    assert shown(cloud, arn) == {"first": "1"}
    added = cloud.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "first", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert added["Tags"] == [{"Key": "first", "Value": "2"}, {"Key": "b", "Value": ""}]
    cloud.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["first", "unknown"])
    assert shown(cloud, arn) == {"b": ""}


def test_a_resource_has_at_most_fifty_tags(cloud: Any, arn: str) -> None:
    with pytest.raises(ClientError, match="at most 50 tags, this one would have 51"):
        cloud.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": str(number), "Value": ""} for number in range(50)])
    assert shown(cloud, arn) == {"first": "1"}


def test_an_unknown_resource_has_no_tags(cloud: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        cloud.sagemaker.list_tags(ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:model/nobody")
