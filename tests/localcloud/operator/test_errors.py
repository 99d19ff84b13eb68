"""Errors: terminal ones, recoverable ones, and the conditions that report them."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.operator.resource import FINALIZER
from tests.localcloud.operator.stage import Stage, conditions, said

Json = dict[str, Any]

UNKNOWN_MODEL = 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/churn".'


def owner_is_noted(job: Json) -> bool:
    return job["status"]["ackResourceMetadata"] == {
        "ownerAccountID": "123456789012",
        "partition": "aws",
        "region": "us-east-1",
    }


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        pytest.param("ResourceNotFound", "ResourceNotFound: text", id="ResourceNotFound"),
        pytest.param("ResourceInUse", "ResourceInUse: text", id="ResourceInUse"),
        pytest.param("InvalidParameterCombination", "api error InvalidParameterCombination: text", id="combination"),
        pytest.param("InvalidParameterValue", "api error InvalidParameterValue: text", id="value"),
        pytest.param("MissingParameter", "api error MissingParameter: text", id="missing"),
    ],
)
def test_terminal_codes_end_the_matter(stage: Stage, code: str, shown: str) -> None:
    stage.aws.fail("CreateTransformJob", code, "text")
    stage.create()
    stage.wait_condition("ACK.Terminal")
    job = stage.find() or {}
    assert job["metadata"]["finalizers"] == [FINALIZER]
    assert said(job) == [
        {"type": "ACK.Terminal", "status": "True", "message": shown},
        {
            "type": "ACK.ResourceSynced",
            "status": "False",
            "message": "Resource not synced",
            "reason": "resource is in terminal condition",
        },
        {"type": "Ready", "status": "False", "message": shown, "reason": "ACK.Terminal"},
    ]
    assert owner_is_noted(job)
    calls = len(stage.aws.calls)
    stage.rest()
    assert len(stage.aws.calls) == calls
    stage.delete()
    stage.wait_gone()


@pytest.mark.parametrize(
    ("code", "message", "shown"),
    [
        pytest.param(
            "ValidationException", UNKNOWN_MODEL, f"api error ValidationException: {UNKNOWN_MODEL}", id="model"
        ),
        pytest.param("ResourceLimitExceeded", "quota", "ResourceLimitExceeded: quota", id="quota"),
        pytest.param("AccessDeniedException", "not you", "api error AccessDeniedException: not you", id="denied"),
    ],
)
def test_other_refusals_are_tried_again_until_they_pass(stage: Stage, code: str, message: str, shown: str) -> None:
    stage.aws.fail("CreateTransformJob", code, message)
    stage.create()
    stage.wait_condition("ACK.Recoverable")
    job = stage.find() or {}
    reason = (
        f"operation error SageMaker: CreateTransformJob, https response error StatusCode: 400, RequestID: fake, {shown}"
    )
    assert said(job) == [
        {"type": "ACK.Recoverable", "status": "True", "message": shown},
        {
            "type": "ACK.ResourceSynced",
            "status": "Unknown",
            "message": "Unable to determine if desired resource state matches latest observed state",
            "reason": reason,
        },
        {"type": "Ready", "status": "False", "message": shown, "reason": "ACK.Recoverable"},
    ]
    assert "transformJobStatus" not in job["status"]
    assert owner_is_noted(job)
    assert "lastTransitionTime" not in conditions(job)["ACK.Recoverable"]
    stage.wait_calls("CreateTransformJob", 3)
    stage.aws.heal()
    job = stage.wait_status("InProgress")
    assert [entry["type"] for entry in said(job)] == ["ACK.ResourceSynced", "ACK.LateInitialized", "Ready"]
    assert job["metadata"]["finalizers"] == [FINALIZER]
    assert stage.aws.created == ["churn"]


def test_an_object_that_sagemaker_refused_can_be_deleted_at_once(stage: Stage) -> None:
    stage.aws.fail("CreateTransformJob", "ValidationException", UNKNOWN_MODEL)
    stage.create()
    stage.wait_condition("ACK.Recoverable")
    stage.delete()
    stage.wait_gone()
    assert stage.aws.created == []


def test_only_sagemakers_own_words_mean_not_found(stage: Stage) -> None:
    stage.aws.not_found = "Could not find transform job '{name}'."
    stage.create()
    recoverable = stage.wait_condition("ACK.Recoverable")
    assert recoverable["message"] == "api error ValidationException: Could not find transform job 'churn'."
    stage.rest()
    assert stage.aws.created == []
    assert "CreateTransformJob" not in stage.aws.operations("churn")


def test_a_throttled_call_is_tried_again(stage: Stage) -> None:
    stage.aws.fail("CreateTransformJob", "ThrottlingException", "Rate exceeded", times=2)
    stage.aws.fail("DescribeTransformJob", "ThrottlingException", "Rate exceeded", times=2)
    stage.create()
    stage.wait_status("InProgress")
    assert stage.aws.created == ["churn"]


def test_lasting_throttling_is_recoverable(stage: Stage) -> None:
    stage.aws.fail("DescribeTransformJob", "ThrottlingException", "Rate exceeded")
    stage.create()
    assert stage.wait_condition("ACK.Recoverable")["message"] == "api error ThrottlingException: Rate exceeded"
    stage.aws.heal()
    stage.wait_status("InProgress")


def test_an_endpoint_that_fails_for_a_while_loses_nothing(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.fail("DescribeTransformJob", "InternalFailure", "down", status=500)
    stage.aws.settle("churn", "Completed")
    stage.wait_calls("DescribeTransformJob", 8)
    stage.aws.heal()
    job = stage.wait_status("Completed")
    assert conditions(job)["Ready"]["status"] == "True"


def test_members_that_the_spec_lacks_are_listed_in_the_sdks_words(stage: Stage) -> None:
    stage.create(transformInput={"dataSource": {}}, transformOutput={}, transformResources={})
    message = stage.wait_condition("ACK.Recoverable")["message"]
    assert message == (
        "operation error SageMaker: CreateTransformJob, 4 validation error(s) found.\n"
        "- missing required field, CreateTransformJobInput.TransformInput.DataSource.S3DataSource.\n"
        "- missing required field, CreateTransformJobInput.TransformOutput.S3OutputPath.\n"
        "- missing required field, CreateTransformJobInput.TransformResources.InstanceType.\n"
        "- missing required field, CreateTransformJobInput.TransformResources.InstanceCount.\n"
    )
    assert "CreateTransformJob" not in stage.aws.operations("churn")


def test_a_job_that_the_endpoint_lost_is_created_again(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.forget()
    stage.wait_calls("CreateTransformJob", 2)
    stage.wait_status("InProgress")
