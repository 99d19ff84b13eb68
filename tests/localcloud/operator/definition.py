"""The CustomResourceDefinition of TransformJob: the chart's committed file, and the same as generated from botocore's model.

To write the file again after a change of botocore's model: `python -m tests.localcloud.operator.definition`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from localcloud import operator
from localcloud.operator.fields import GROUP, KIND, PLURAL, VERSION, Field, service_model, spec_fields
from tests.localcloud.operator.html_text import plain_text

FILE = Path(operator.__file__).parent / "chart" / "crds" / "transformjobs.yaml"

Schema = dict[str, Any]


def committed() -> dict[str, Any]:
    """The definition that the chart installs."""
    return yaml.safe_load(FILE.read_text())


def from_botocore() -> dict[str, Any]:
    """The definition as botocore's model of CreateTransformJob makes it; ACK's chart has no short names either."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": KIND.lower()},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _printer_columns(),
                    "schema": {"openAPIV3Schema": _object_schema()},
                }
            ],
        },
    }


def _printer_columns() -> list[dict[str, Any]]:
    return [
        {"name": "FAILURE-REASON", "jsonPath": ".status.failureReason", "type": "string", "priority": 1},
        {"name": "STATUS", "jsonPath": ".status.transformJobStatus", "type": "string"},
    ]


def _object_schema() -> Schema:
    return {
        "type": "object",
        "description": "A SageMaker batch transform job.",
        "properties": {
            "apiVersion": _string("The version of the schema of this object."),
            "kind": _string("The kind of this object."),
            "metadata": {"type": "object"},
            "spec": _spec_schema(),
            "status": _status_schema(),
        },
    }


def _spec_schema() -> Schema:
    fields, shape = _sorted(spec_fields()), service_model().operation_model("CreateTransformJob").input_shape
    schema = _struct("What is asked of SageMaker: the members of CreateTransformJob.", fields, shape)
    schema["required"] = [member.name for member in fields if member.required]
    return schema


def _struct(description: str, fields: tuple[Field, ...], shape: Any) -> Schema:
    # Like ACK, nested members are all optional: SageMaker itself says what is missing.
    properties = {member.name: _field_schema(member, shape.members[member.aws]) for member in _sorted(fields)}
    return _described({"type": "object", "properties": properties}, description)


def _sorted(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(sorted(fields, key=lambda member: member.name))


def _field_schema(member: Field, shape: Any) -> Schema:
    description, pattern = plain_text(shape.documentation), shape.metadata.get("pattern")
    match member.kind:
        case "object":
            return _struct(description, member.members, shape)
        case "list":
            items = _struct(plain_text(shape.member.documentation), member.members, shape.member)
            return _described({"type": "array", "items": items}, description)
        case "map":
            return _described({"type": "object", "additionalProperties": {"type": "string"}}, description)
        case "integer":
            return _described({"type": "integer", "format": "int64"}, description)
        case "string" if pattern:
            return _string(f"{description}\n\nRegex Pattern: `^{pattern}$`".strip())
        case _:
            return _described({"type": member.kind}, description)


def _status_schema() -> Schema:
    described = service_model().operation_model("DescribeTransformJob").output_shape.members
    return {
        "type": "object",
        "description": "What the operator last saw of the job.",
        "properties": {
            "ackResourceMetadata": _metadata_schema(),
            "conditions": {
                "type": "array",
                "description": "Where the operator stands with this job: synced, terminal, recoverable, ready.",
                "items": _condition_schema(),
            },
            "failureReason": _string(plain_text(described["FailureReason"].documentation)),
            "transformJobStatus": _string(plain_text(described["TransformJobStatus"].documentation)),
        },
    }


def _metadata_schema() -> Schema:
    return {
        "type": "object",
        "description": "The job's identity at AWS.",
        "properties": {
            "arn": _string("The job's Amazon Resource Name, set once it exists."),
            "ownerAccountID": _string("The AWS account that owns the job."),
            "partition": _string("The AWS partition in which the job exists or will exist."),
            "region": _string("The AWS region in which the job exists or will exist."),
        },
        "required": ["ownerAccountID", "region"],
    }


def _condition_schema() -> Schema:
    transition = _string("When the condition last went from one status to another.")
    return {
        "type": "object",
        "description": "One aspect of the operator's view of the job.",
        "properties": {
            "lastTransitionTime": {**transition, "format": "date-time"},
            "message": _string("Details for a person."),
            "reason": _string("Why the condition has this status."),
            "status": _string("One of True, False, Unknown."),
            "type": _string("Which aspect this is."),
        },
        "required": ["status", "type"],
    }


def _string(description: str) -> Schema:
    return _described({"type": "string"}, description)


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    FILE.write_text(yaml.dump(from_botocore(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True))
