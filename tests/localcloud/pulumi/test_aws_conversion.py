"""Properties become members of AWS's API and come back; no call to AWS is made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from localcloud.pulumi.aws.conversion import from_structure, to_api
from localcloud.pulumi.aws.schema import properties

LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
CLUSTER = "aws:eks/cluster:Cluster"


def shape(service: str, name: str) -> Any:
    return botocore.session.get_session().get_service_model(service).shape_for(name)


@pytest.mark.parametrize(
    ("token", "service", "structure", "names", "given", "members"),
    [
        pytest.param(
            ENCRYPTION,
            "s3",
            "ServerSideEncryptionConfiguration",
            {},
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "k"}}]},
            {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}]},
            id="letters of any case",
        ),
        pytest.param(
            OWNERSHIP,
            "s3",
            "OwnershipControls",
            {"rule": "Rules"},
            {"rule": {"objectOwnership": "ObjectWriter"}},
            {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
            id="an object for a list of one, by another name",
        ),
        pytest.param(
            LIFECYCLE,
            "s3",
            "BucketLifecycleConfiguration",
            {},
            {"rules": [{"id": "r", "filter": {"and": {"prefix": "x/", "tags": {"a": "1", "b": "2"}}}}]},
            {
                "Rules": [
                    {
                        "ID": "r",
                        "Filter": {
                            "And": {"Prefix": "x/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}
                        },
                    }
                ]
            },
            id="a map for a list of tags",
        ),
        pytest.param(
            LIFECYCLE,
            "s3",
            "BucketLifecycleConfiguration",
            {},
            {"rules": [{"id": "r", "transitions": [{"date": "2030-01-01T00:00:00Z", "storageClass": "GLACIER"}]}]},
            {
                "Rules": [
                    {"ID": "r", "Transitions": [{"Date": datetime(2030, 1, 1, tzinfo=UTC), "StorageClass": "GLACIER"}]}
                ]
            },
            id="times",
        ),
    ],
)
def test_properties_become_members_and_come_back(
    token: str, service: str, structure: str, names: dict[str, str], given: dict[str, Any], members: dict[str, Any]
) -> None:
    target = shape(service, structure)
    assert to_api(target, given, names) == members
    assert from_structure(properties(token)["outputs"], target, members, names) == given


def test_what_has_no_value_and_what_the_api_does_not_have_is_left_out() -> None:
    given = {"name": "c", "version": None, "roleArn": "", "forceUpdateVersion": True, "deletionProtection": False}
    assert to_api(shape("eks", "CreateClusterRequest"), given, {}) == {"name": "c", "deletionProtection": False}


def test_a_value_for_a_structure_with_a_value_is_put_into_it() -> None:
    made = to_api(shape("ec2", "ModifySubnetAttributeRequest"), {"mapPublicIpOnLaunch": True}, {})
    assert made == {"MapPublicIpOnLaunch": {"Value": True}}


def test_attributes_in_text_get_their_types() -> None:
    declared = {"delaySeconds": "integer", "sqsManagedSseEnabled": "boolean", "policy": "string", "arn": "string"}
    found = {"DelaySeconds": "5", "SqsManagedSseEnabled": "true", "QueueArn": "arn:q"}
    made = from_structure(declared, shape("sqs", "QueueAttributeMap"), found, {"arn": "QueueArn"})
    assert made == {"delaySeconds": 5, "sqsManagedSseEnabled": True, "arn": "arn:q"}


def test_an_object_of_the_api_may_be_a_list_of_one_here() -> None:
    found = {"identity": {"oidc": {"issuer": "https://i"}}}
    names = {"identities": "identity", "oidcs": "oidc"}
    made = from_structure(
        {"identities": properties(CLUSTER)["outputs"]["identities"]}, shape("eks", "Cluster"), found, names
    )
    assert made == {"identities": [{"oidcs": [{"issuer": "https://i"}]}]}
