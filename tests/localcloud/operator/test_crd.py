"""The TransformJob definition: ACK's field names and shape, made from botocore's model."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.operator import fields
from tests.localcloud.operator import definition
from tests.localcloud.operator.html_text import plain_text

Schema = dict[str, Any]

# The spec's shape in ACK's chart 1.9.1; a leaf is its OpenAPI type.
ACK_SPEC: Schema = {
    "batchStrategy": "string",
    "dataProcessing": {"inputFilter": "string", "joinSource": "string", "outputFilter": "string"},
    "environment": {"*": "string"},
    "experimentConfig": {"experimentName": "string", "trialComponentDisplayName": "string", "trialName": "string"},
    "maxConcurrentTransforms": "integer/int64",
    "maxPayloadInMB": "integer/int64",
    "modelClientConfig": {"invocationsMaxRetries": "integer/int64", "invocationsTimeoutInSeconds": "integer/int64"},
    "modelName": "string",
    "tags": [{"key": "string", "value": "string"}],
    "transformInput": {
        "compressionType": "string",
        "contentType": "string",
        "dataSource": {"s3DataSource": {"s3DataType": "string", "s3URI": "string"}},
        "splitType": "string",
    },
    "transformJobName": "string",
    "transformOutput": {"accept": "string", "assembleWith": "string", "kmsKeyID": "string", "s3OutputPath": "string"},
    "transformResources": {
        "instanceCount": "integer/int64",
        "instanceType": "string",
        "transformAMIVersion": "string",
        "volumeKMSKeyID": "string",
    },
}
ACK_STATUS: Schema = {
    "ackResourceMetadata": {"arn": "string", "ownerAccountID": "string", "partition": "string", "region": "string"},
    "conditions": [
        {
            "lastTransitionTime": "string/date-time",
            "message": "string",
            "reason": "string",
            "status": "string",
            "type": "string",
        }
    ],
    "failureReason": "string",
    "transformJobStatus": "string",
}


def shape(schema: Schema) -> Any:
    match schema:
        case {"properties": properties}:
            return {name: shape(member) for name, member in properties.items()}
        case {"items": items}:
            return [shape(items)]
        case {"additionalProperties": values}:
            return {"*": shape(values)}
        case {"type": kind, "format": form}:
            return f"{kind}/{form}"
        case _:
            return schema["type"]


def required(schema: Schema, path: str = "") -> dict[str, list[str]]:
    here = {path: schema["required"]} if "required" in schema else {}
    members = {**schema.get("properties", {}), **({"[]": schema["items"]} if "items" in schema else {})}
    for name, member in members.items():
        here |= required(member, f"{path}.{name}")
    return here


@pytest.fixture(scope="module")
def version() -> Schema:
    return definition.committed()["spec"]["versions"][0]


@pytest.fixture(scope="module")
def schema(version: Schema) -> Schema:
    return version["schema"]["openAPIV3Schema"]


def test_spec_and_status_have_acks_shape(schema: Schema) -> None:
    assert shape(schema["properties"]["spec"]) == ACK_SPEC
    assert shape(schema["properties"]["status"]) == ACK_STATUS


def test_only_what_ack_requires_is_required(schema: Schema) -> None:
    spec = ["modelName", "transformInput", "transformJobName", "transformOutput", "transformResources"]
    assert required(schema) == {
        ".spec": spec,
        ".status.ackResourceMetadata": ["ownerAccountID", "region"],
        ".status.conditions.[]": ["status", "type"],
    }


def test_names_and_columns_are_acks_without_short_names(version: Schema) -> None:
    crd = definition.committed()
    assert crd["metadata"]["name"] == "transformjobs.sagemaker.services.k8s.aws"
    names = {"kind": "TransformJob", "listKind": "TransformJobList", "plural": "transformjobs"}
    assert crd["spec"]["names"] == {**names, "singular": "transformjob"}
    assert version["subresources"] == {"status": {}}
    assert version["additionalPrinterColumns"] == [
        {"name": "FAILURE-REASON", "jsonPath": ".status.failureReason", "type": "string", "priority": 1},
        {"name": "STATUS", "jsonPath": ".status.transformJobStatus", "type": "string"},
    ]


def test_fields_are_documented_in_plain_text(schema: Schema) -> None:
    spec = schema["properties"]["spec"]["properties"]
    assert spec["modelName"]["description"].startswith("The name of the model that you want to use")
    assert "Regex Pattern: `^" in spec["transformJobName"]["description"]
    documented = [member["description"] for member in spec.values() if "description" in member]
    assert len(documented) == len(spec)
    assert not any("<p>" in text or "<code>" in text for text in documented)


@pytest.mark.parametrize(
    ("aws", "ack"),
    [
        pytest.param("S3Uri", "s3URI", id="a leading word with a digit is lower case"),
        pytest.param("KmsKeyId", "kmsKeyID", id="a leading acronym is lower case"),
        pytest.param("VolumeKmsKeyId", "volumeKMSKeyID", id="acronyms inside are upper case"),
        pytest.param("TransformAmiVersion", "transformAMIVersion", id="AMI is an acronym"),
        pytest.param("MaxPayloadInMB", "maxPayloadInMB", id="capitals stay"),
        pytest.param("S3OutputPath", "s3OutputPath", id="plain words stay"),
    ],
)
def test_names_follow_acks_casing(aws: str, ack: str) -> None:
    assert fields.ack_name(aws) == ack


def test_a_spec_goes_to_the_api_and_back_unchanged() -> None:
    spec = {
        "transformJobName": "churn",
        "environment": {"s3Uri": "kept as it is"},
        "transformInput": {"dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/in"}}},
        "transformOutput": {"s3OutputPath": "s3://b/out", "kmsKeyID": "key"},
        "transformResources": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeKMSKeyID": "key"},
        "tags": [{"key": "team", "value": "churn"}],
        "maxPayloadInMB": 0,
    }
    request = fields.to_api(spec)
    assert request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://b/in"
    assert request["Environment"] == {"s3Uri": "kept as it is"}
    assert request["MaxPayloadInMB"] == 0
    assert fields.to_spec(request) == spec


def test_the_committed_definition_is_what_botocores_model_makes() -> None:
    assert definition.committed() == definition.from_botocore()


def test_lists_and_links_read_as_text() -> None:
    html = '<p>Use <a href="https://x">this</a>:</p> <ul> <li> <p>one &amp; all</p> </li> <li>two</li> </ul> <p>End</p>'
    assert plain_text(html) == "Use this (https://x):\n- one & all\n- two\n\nEnd"
