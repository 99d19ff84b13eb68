"""The kind TransformJob and its fields: SageMaker's `S3Uri` is `s3URI` in the custom resource.

The chart installs the definition from `chart/crds/transformjobs.yaml`.

ACK makes its names from the AWS model by one rule: the first word is lower case, and an acronym in any other place is
upper case. The table here is made by the same rule from botocore's model of CreateTransformJob, so only the members that
ACK leaves out are listed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import botocore.session

GROUP = "sagemaker.services.k8s.aws"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "TransformJob"
PLURAL = "transformjobs"
_ACRONYMS = frozenset({"Ami", "Arn", "Id", "Kms", "Uri"})
_WORDS = re.compile(r"[A-Z]+[0-9]+(?=[A-Z])|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
# Members of the API that ACK's TransformJob does not have.
LEFT_OUT = frozenset({"CreateTransformJobRequest.DataCaptureConfig", "ExperimentConfig.RunName"})

Kind = Literal["string", "integer", "boolean", "object", "map", "list"]
_KINDS: Mapping[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "long": "integer",
    "boolean": "boolean",
    "structure": "object",
    "map": "map",
    "list": "list",
}


@dataclass(frozen=True)
class Field:
    """One member of the API and its place in the custom resource.

    Attributes:
        aws: its name in the API, for example `S3Uri`.
        name: its name in the custom resource, for example `s3URI`.
        kind: the type of its value. The items of a list are objects, the values of a map are strings.
        required: whether the API requires it where its parent is given.
        members: of an object, or of the objects in a list.
    """

    aws: str
    name: str
    kind: Kind
    required: bool = False
    members: tuple[Field, ...] = field(default=())


def ack_name(aws_name: str) -> str:
    """The custom resource's name of an API member, by ACK's rule."""
    first, *rest = _WORDS.findall(aws_name)
    return first.lower() + "".join(word.upper() if word in _ACRONYMS else word for word in rest)


def service_model() -> Any:
    """The model of SageMaker that botocore ships. It is large, so it is not kept."""
    return botocore.session.get_session().get_service_model("sagemaker")


@cache
def spec_fields() -> tuple[Field, ...]:
    """The members of CreateTransformJob that ACK has, in the order of the API's model."""
    return _members(service_model().operation_model("CreateTransformJob").input_shape)


def _members(shape: Any) -> tuple[Field, ...]:
    return tuple(
        _field(name, member, required=name in shape.required_members)
        for name, member in shape.members.items()
        if f"{shape.name}.{name}" not in LEFT_OUT
    )


def _field(aws_name: str, shape: Any, *, required: bool) -> Field:
    kind = _KINDS[shape.type_name]
    nested = shape if kind == "object" else shape.member if kind == "list" else None
    return Field(
        aws=aws_name,
        name=ack_name(aws_name),
        kind=kind,
        required=required,
        members=() if nested is None else _members(nested),
    )


def to_api(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's spec as the API's request; members that are not set are left out."""
    return _rename(spec, spec_fields(), to_aws=True)


def to_spec(description: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a job as DescribeTransformJob describes it."""
    return _rename(description, spec_fields(), to_aws=False)


def _rename(values: Mapping[str, Any], fields: tuple[Field, ...], *, to_aws: bool) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for member in fields:
        source, target = (member.name, member.aws) if to_aws else (member.aws, member.name)
        value = values.get(source)
        if value is None:
            continue
        if member.kind == "object":
            value = _rename(value, member.members, to_aws=to_aws)
        elif member.kind == "list":
            value = [_rename(item, member.members, to_aws=to_aws) for item in value]
        renamed[target] = value
    return renamed
