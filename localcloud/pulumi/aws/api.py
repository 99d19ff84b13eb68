"""The calls with which AWS's API creates, describes, updates and deletes objects of one kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from localcloud.pulumi.aws.cloud import Cloud, Codes, absent_as_none, ignore
from localcloud.pulumi.aws.conversion import Names, empty, from_structure, member, tag_map
from localcloud.pulumi.aws.resource import ResourceType, Tags, Update
from localcloud.pulumi.aws.schema import properties
from localcloud.pulumi.errors import PluginError
from localcloud.pulumi.wire import Properties, present

T = TypeVar("T")
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Tagging:
    """The calls that change the tags of an object.

    Args:
        service: botocore's name of the service.
        adds: the call that adds tags.
        removes: the call that removes tags by their keys.
        listing: the call that lists the tags; empty if the description of the object has them.
        parameter: the member of these calls that names the object.
        output: the property that provides its value.
    """

    service: str
    adds: str = "TagResource"
    removes: str = "UntagResource"
    listing: str = ""
    parameter: str = "resourceArn"
    output: str = "arn"

    def __call__(self, cloud: Cloud, identity: str, outputs: Properties, add: Tags, remove: list[str]) -> None:
        name = {self.parameter: outputs[self.output]}
        if remove:
            cloud.ask(self.service, self.removes, {**name, "tagKeys": remove})
        if add:
            cloud.ask(self.service, self.adds, {**name, "tags": add})

    def tags(self, cloud: Cloud, outputs: Properties) -> Tags:
        """The tags of an object that has these outputs."""
        if not self.listing:
            return tag_map(outputs.get("tags"))
        return tag_map(cloud.ask(self.service, self.listing, {self.parameter: outputs[self.output]}).get("Tags"))


@dataclass(frozen=True, kw_only=True)
class Api:
    """The API of a resource type. Its methods are the functions that a `ResourceType` needs.

    Args:
        token: the Pulumi type.
        service: botocore's name of the service.
        calls: the calls that create, describe and delete an object.
        key: the member of an answer that holds the object, or the path to it; empty if the answer is the object.
        identity: the properties of which the id consists, with the separators between them: `clusterName:addonName`.
        gone: the codes with which AWS says that the object does not exist.
        names: the API's names of properties, where the letters differ.
        tagging: how its tags change; None for a type without tags, or with a tagger of its own.
        settling: the errors of a creation that names something so new that AWS does not know it everywhere; it is tried
            again.
        settling_seconds: how long a creation is tried again.
        busy: the errors of a deletion until AWS knows that nothing uses the object any more; it is tried again.
        busy_seconds: how long a deletion is tried again, if the program sets no time.
    """

    token: str
    service: str
    calls: tuple[str, str, str]
    identity: str
    gone: tuple[str, ...]
    key: str = ""
    names: Names = field(default_factory=dict[str, str])
    tagging: Tagging | None = None
    settling: Codes = field(default_factory=dict[str, str | None])
    settling_seconds: float = 120.0
    busy: Codes = field(default_factory=dict[str, str | None])
    busy_seconds: float = 60.0

    def type(self, **fields: Any) -> ResourceType:
        """The resource type that uses these calls, except where the given fields replace them."""
        calls: dict[str, Any] = {
            "create": self.create,
            "read": self.read,
            "delete": self.delete,
            "tagger": self.tagging,
        }
        return ResourceType(token=self.token, **{**calls, **fields})

    def ask(self, cloud: Cloud, operation: str, values: Mapping[str, Any], **more: Any) -> Any:
        """Make a call with the properties that are its parameters, `tagsAll` for its tags, and some more parameters."""
        return cloud.ask(self.service, operation, {**values, "tags": values.get("tagsAll")}, self.names, **more)

    def create(self, cloud: Cloud, inputs: Properties, **more: Any) -> str:
        """Create an object; return its id."""
        operation = self.calls[0]
        answer = self.settled(cloud, lambda: self.ask(cloud, operation, inputs, **more))
        if all(name in inputs for name in self._parts):
            return self.id_of(inputs)
        return self.id_of({**inputs, **self._outputs(cloud, operation, answer[self.key] if self.key else answer)})

    def settled(self, cloud: Cloud, work: Callable[[], T]) -> T:
        """Try again while the work ends with an error of `settling`."""
        return cloud.retry(work, codes=self.settling, seconds=self.settling_seconds)

    @property
    def _parts(self) -> list[str]:
        return re.findall(r"\w+", self.identity)

    def id_of(self, values: Properties) -> str:
        """The id of the object that has these properties."""
        return re.sub(r"\w+", lambda name: values[name[0]], self.identity)

    def keys(self, identity: str) -> Properties:
        """The properties in an id.

        Raises:
            PluginError: an import names an id of another form.
        """
        parts, separators = self._parts, re.findall(r"\W", self.identity)
        texts = identity.split(separators[0], len(separators)) if separators else [identity]
        if len(texts) != len(parts):
            raise PluginError(f"{identity!r} is not an id of {self.token}: it has the form {self.identity}")
        return dict(zip(parts, texts, strict=True))

    def found(self, cloud: Cloud, identity: str, known: Mapping[str, Any] = NOTHING) -> Any:
        """The object as AWS describes it, or None."""
        values = {**known, **self.keys(identity)}
        answer = absent_as_none(lambda: self.ask(cloud, self.calls[1], values), *self.gone)
        return answer[self.key] if answer and self.key else answer

    def read(self, cloud: Cloud, identity: str, known: Properties) -> Properties | None:
        """The object's outputs, or None."""
        found = self.found(cloud, identity)
        return None if found is None else self.outputs(cloud, identity, found)

    def outputs(self, cloud: Cloud, identity: str, found: Any) -> Properties:
        """The outputs of an object that AWS has described."""
        outputs = {**self._outputs(cloud, self.calls[1], found), **self.keys(identity)}
        if self.tagging:
            outputs["tagsAll"] = self.tagging.tags(cloud, outputs)
        return outputs

    def _outputs(self, cloud: Cloud, operation: str, found: Any) -> Properties:
        """The outputs in the answer to an operation; one that the API has but the answer leaves out is empty."""
        shape = cloud.model(self.service, operation).output_shape
        for key in filter(None, self.key.split(".")):
            shape = shape.members[key]
            shape = shape.member if shape.type_name == "list" else shape
        declared = properties(self.token)["outputs"]
        members = shape.members if shape.type_name == "structure" else ()
        empties = {name: empty(kind) for name, kind in declared.items() if member(members, name, self.names)}
        return {**present(empties), **from_structure(declared, shape, found, self.names)}

    def update(self, cloud: Cloud, update: Update) -> Any:
        """Send all properties to the call that updates an object; see `change`."""
        return self.change(cloud, update, self.calls[0].replace("Create", "Update"))

    def change(self, cloud: Cloud, update: Update, operation: str, **more: Any) -> Any:
        """Send all properties to a call if any that has changed is among its parameters.

        Returns:
            The call's answer, or None if nothing was sent.
        """
        shape, declared = cloud.model(self.service, operation).input_shape, properties(self.token)["inputs"]
        changed = [name for name in update.changed if name in declared and member(shape.members, name, self.names)]
        if not set(changed) - {"tags"}:
            return None
        cleared = {name: empty(declared[name]) for name in changed if name not in update.new}
        return self.ask(cloud, operation, {**cleared, **update.new, **self.keys(update.identity)}, **more)

    def delete(self, cloud: Cloud, identity: str, known: Properties) -> None:
        """Delete an object; one that is gone already is success."""
        values, seconds = {**known, **self.keys(identity)}, cloud.timeout or self.busy_seconds
        ignore(
            lambda: cloud.retry(lambda: self.ask(cloud, self.calls[2], values), codes=self.busy, seconds=seconds),
            *self.gone,
        )
