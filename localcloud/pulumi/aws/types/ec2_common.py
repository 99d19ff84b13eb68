"""What the EC2 types share: tags, filters, and the codes with which EC2 reports that something is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.pulumi.aws.cloud import Cloud, absent_as_none
from localcloud.pulumi.aws.resource import Tags, tag_list, tag_map
from localcloud.pulumi.wire import Properties


def tag_specification(kind: str, inputs: Properties) -> list[dict[str, Any]] | None:
    """Tags of an object to be created; None if there are none."""
    tags = tag_list(inputs.get("tagsAll"))
    return [{"ResourceType": kind, "Tags": tags}] if tags else None


def tag(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    """Change the tags of an EC2 object."""
    if remove:
        cloud.ec2("DeleteTags", Resources=[identity], Tags=[{"Key": key} for key in remove])
    if add:
        cloud.ec2("CreateTags", Resources=[identity], Tags=tag_list(add))


def filters(conditions: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in conditions.items()]


def described(  # noqa: PLR0917  each caller is one line: the call, the key of its answer, the code for absence
    cloud: Cloud, operation: str, key: str, parameter: str, identity: str, gone: str
) -> Any:
    """One object by its id, or None."""
    answer = absent_as_none(lambda: cloud.ec2(operation, **{parameter: [identity]}), gone)
    return answer[key][0] if answer and answer[key] else None


def common(cloud: Cloud, found: Mapping[str, Any], resource: str) -> Properties:
    """Outputs that nearly every EC2 object has."""
    owner = found.get("OwnerId") or cloud.account().account_id
    return {
        "arn": f"arn:aws:ec2:{cloud.region}:{owner}:{resource}",
        "ownerId": owner,
        "tagsAll": tag_map(found.get("Tags")),
    }
