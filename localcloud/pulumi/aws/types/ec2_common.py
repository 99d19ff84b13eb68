"""Code that the EC2 types share: tags, filters, and calls that describe several objects at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.pulumi.aws.api import NOTHING, Api
from localcloud.pulumi.aws.cloud import Cloud, Codes, absent_as_none
from localcloud.pulumi.aws.conversion import tag_list, tag_map
from localcloud.pulumi.aws.resource import ResourceType, Tags
from localcloud.pulumi.wire import Properties

DEPENDENTS: Codes = {"DependencyViolation": None}


def tag(cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
    """Change the tags of an EC2 object."""
    if remove:
        cloud.ec2("DeleteTags", Resources=[identity], Tags=[{"Key": key} for key in remove])
    if add:
        cloud.ec2("CreateTags", Resources=[identity], Tags=tag_list(add))


def filters(conditions: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in conditions.items()]


@dataclass(frozen=True, kw_only=True)
class Ec2Api(Api):
    """The API of an EC2 object: EC2 makes its id, and describes objects by a list of ids.

    Args:
        noun: the object's name in EC2's members, such as `RouteTable`.
        resource: its name in ARNs and tag specifications, such as `route-table`.
    """

    service: str = "ec2"
    identity: str = "id"
    noun: str
    resource: str

    def type(self, **fields: Any) -> ResourceType:
        return super().type(**{"tagger": tag, **fields})

    def create(self, cloud: Cloud, inputs: Properties, **more: Any) -> str:
        """Create an object, which is kept in the state even if the rest of its creation fails."""
        tags = tag_list(inputs.get("tagsAll"))
        more["TagSpecifications"] = [{"ResourceType": self.resource, "Tags": tags}] if tags else None
        answer = self.settled(cloud, lambda: self.ask(cloud, self.calls[0], inputs, **more))
        return cloud.made(answer[self.noun][f"{self.noun}Id"])

    def found(self, cloud: Cloud, identity: str, known: Mapping[str, Any] = NOTHING) -> Any:
        answer = absent_as_none(lambda: cloud.ec2(self.calls[1], **{f"{self.noun}Ids": [identity]}), *self.gone)
        return answer[self.key][0] if answer and answer[self.key] else None

    def outputs(self, cloud: Cloud, identity: str, found: Any) -> Properties:
        owner = found.get("OwnerId") or cloud.endpoint.caller_identity["Account"]
        return {
            **super().outputs(cloud, identity, found),
            "arn": f"arn:aws:ec2:{cloud.region}:{owner}:{self.resource}/{identity}",
            "ownerId": owner,
            "tagsAll": tag_map(found.get("Tags")),
        }

    def await_available(self, cloud: Cloud, identity: str, seconds: float) -> None:
        """Wait until a new object can be used."""
        cloud.wait(
            f"{self.resource} {identity}",
            lambda: (self.found(cloud, identity) or {"State": ""}).get("State", "available"),
            until={"available"},
            seconds=seconds,
        )

    def set_attributes(self, cloud: Cloud, identity: str, values: Properties) -> None:
        """Set attributes of an object; AWS takes one in each call."""
        for name, value in values.items():
            self.ask(cloud, f"Modify{self.noun}Attribute", {"id": identity, name: value})
