"""What ACK's controller does with a TransformJob, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.operator.resource import FINALIZER
from tests.localcloud.operator.fake_sagemaker import ACCOUNT, REGION
from tests.localcloud.operator.stage import MemoryStage, Stage, conditions, said

Json = dict[str, Any]

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job/churn"
LATE_INITIALIZED = {
    "type": "ACK.LateInitialized",
    "status": "True",
    "message": "Late initialization successful",
    "reason": "Late initialization successful",
}


def synced(kind: str, status: str, job_status: str) -> Json:
    return {"type": kind, "status": status, "message": f"TransformJob is in {job_status} status."}


def in_order(job_status: str, *, synced_status: str) -> list[Json]:
    return [
        synced("ACK.ResourceSynced", synced_status, job_status),
        LATE_INITIALIZED,
        synced("Ready", synced_status, job_status),
    ]


def finished(stage: Stage, status: str = "Completed", reason: str | None = None) -> Json:
    """A job that was created and has ended."""
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.settle("churn", status, reason)
    return stage.wait_status(status)


# Creation


def test_the_finalizer_is_there_before_the_job(stage: Stage) -> None:
    seen: list[Json | None] = []
    stage.aws.on_create = lambda name: seen.append(stage.find(name))
    stage.create()
    stage.wait_status("InProgress")
    assert seen[0] is not None
    assert seen[0]["metadata"]["finalizers"] == [FINALIZER]
    assert stage.aws.operations("churn")[:3] == ["DescribeTransformJob", "CreateTransformJob", "DescribeTransformJob"]
    assert stage.aws.created == ["churn"]


def test_the_request_is_the_spec_and_the_controllers_tags(stage: Stage) -> None:
    stage.create(
        labels={"app.kubernetes.io/managed-by": "pulumi"},
        tags=[{"key": "team", "value": "churn"}],
        environment={"A": "b"},
        maxPayloadInMB=0,
    )
    stage.wait_status("InProgress")
    request = stage.aws.requests["churn"]
    tags = {tag["Key"]: tag["Value"] for tag in request.pop("Tags")}
    assert request == stage.request(Environment={"A": "b"}, MaxPayloadInMB=0)
    assert tags["team"] == "churn"
    assert tags["services.k8s.aws/namespace"] == stage.namespace
    assert tags["services.k8s.aws/controller-version"] == "sagemaker-1.9.1"
    assert tags["app.kubernetes.io/managed-by"] == "pulumi"
    assert "kro.run/kro-version" not in tags


def test_a_tag_of_ones_own_wins(stage: Stage) -> None:
    stage.create(
        tags=[{"key": "app.kubernetes.io/managed-by", "value": "me"}], labels={"app.kubernetes.io/managed-by": "x"}
    )
    stage.wait_status("InProgress")
    tags = [tag["Value"] for tag in stage.aws.requests["churn"]["Tags"] if tag["Key"] == "app.kubernetes.io/managed-by"]
    assert tags == ["me"]


def test_the_controllers_tags_stay_out_of_the_spec(stage: Stage) -> None:
    stage.create(tags=[{"key": "team", "value": "churn"}])
    job = stage.wait_status("InProgress")
    assert job["spec"]["tags"] == [{"key": "team", "value": "churn"}]


# States


def test_a_running_job_is_not_in_sync(stage: Stage) -> None:
    stage.create()
    job = stage.wait_status("InProgress")
    assert said(job) == in_order("InProgress", synced_status="False")
    assert job["status"]["ackResourceMetadata"] == {
        "arn": ARN,
        "ownerAccountID": ACCOUNT,
        "partition": "aws",
        "region": REGION,
    }
    assert all(condition["lastTransitionTime"] for condition in job["status"]["conditions"])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param("Completed", None, id="completed"),
        pytest.param("Failed", "ClientError: the model said no", id="failed"),
        pytest.param("Stopped", None, id="stopped"),
    ],
)
def test_every_end_is_in_sync_and_ready(stage: Stage, status: str, reason: str | None) -> None:
    job = finished(stage, status, reason)
    assert said(job) == in_order(status, synced_status="True")
    assert job["status"].get("failureReason") == reason


def test_stopping_is_not_in_sync(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.settle("churn", "Stopping")
    assert said(stage.wait_status("Stopping")) == in_order("Stopping", synced_status="False")


# Late initialisation


def test_members_that_sagemaker_fills_in_go_into_the_spec(stage: Stage) -> None:
    data_source = {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://bucket/input/"}}
    stage.create(transformInput={"dataSource": data_source})
    job = stage.wait(lambda it: it["spec"]["transformInput"].get("splitType") and "status" in it)
    assert job["spec"]["transformInput"] == {"compressionType": "None", "splitType": "None", "dataSource": data_source}
    assert said(stage.wait_status("InProgress")) == in_order("InProgress", synced_status="False")


def test_late_initialisation_waits_for_members_that_are_not_filled_in(stage: Stage) -> None:
    stage.aws.fills_in = False
    stage.create(transformInput={"dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/i"}}})
    job = stage.wait_status("InProgress")
    assert said(job) == [
        {"type": "ACK.ResourceSynced", "status": "False"},
        {
            "type": "ACK.LateInitialized",
            "status": "False",
            "message": "Late initialization did not complete, requeuing with delay of 5 seconds",
            "reason": "Delayed Late Initialization",
        },
        {"type": "Ready", "status": "False"},
    ]


def test_late_initialisation_ends_when_sagemaker_has_filled_in_the_rest(memory: MemoryStage) -> None:
    memory.start()
    memory.aws.fills_in = False
    memory.create(transformInput={"dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/i"}}})
    memory.wait_status("InProgress")
    memory.aws.jobs[REGION, "churn"]["TransformInput"] |= {"SplitType": "None", "CompressionType": "None"}
    memory.aws.settle("churn", "Completed")
    job = memory.wait(lambda it: it["spec"]["transformInput"].get("splitType") and conditions(it).get("Ready"))
    assert job["spec"]["transformInput"]["compressionType"] == "None"
    job = memory.wait(lambda it: said(it) == in_order("Completed", synced_status="True"))


# What is there already


def test_a_job_of_somebody_else_is_left_alone(stage: Stage) -> None:
    stage.aws.add(stage.request(), "Completed")
    stage.create()
    terminal = stage.wait_condition("ACK.Terminal")
    assert terminal["message"] == "Resource already exists"
    assert terminal["reason"].startswith("This resource already exists but is not managed by ACK.")
    job = stage.find() or {}
    assert [condition["type"] for condition in said(job)] == ["ACK.ResourceSynced", "ACK.Terminal", "Ready"]
    assert conditions(job)["Ready"]["message"] == "Resource already exists"
    assert conditions(job)["Ready"]["reason"] == "ACK.Terminal"
    assert conditions(job)["Ready"]["status"] == "False"
    assert conditions(job)["ACK.ResourceSynced"]["status"] == "True"
    assert job["status"]["transformJobStatus"] == "Completed"
    assert job["metadata"].get("finalizers") is None
    stage.delete()
    stage.wait_gone()
    assert stage.aws.created == []


def test_adopt_or_create_adopts_a_job_that_exists(stage: Stage) -> None:
    stage.aws.add(stage.request(), "Completed")
    stage.create(annotations={"services.k8s.aws/adoption-policy": "adopt-or-create"})
    job = stage.wait(lambda it: "ACK.LateInitialized" in conditions(it))
    assert said(job) == in_order("Completed", synced_status="True")
    assert job["metadata"]["annotations"]["services.k8s.aws/adopted"] == "true"
    assert job["metadata"]["finalizers"] == [FINALIZER]
    assert job["status"]["ackResourceMetadata"]["arn"] == ARN
    assert stage.aws.created == []


def test_adopt_or_create_creates_a_job_that_does_not_exist(stage: Stage) -> None:
    stage.create(annotations={"services.k8s.aws/adoption-policy": "adopt-or-create"})
    job = stage.wait_status("InProgress")
    assert stage.aws.created == ["churn"]
    assert "services.k8s.aws/adopted" not in job["metadata"]["annotations"]


def test_an_adopted_job_that_differs_is_not_changed(stage: Stage) -> None:
    stage.aws.add(stage.request(ModelName="another"), "Completed")
    stage.create(annotations={"services.k8s.aws/adoption-policy": "adopt-or-create"})
    assert stage.wait_condition("ACK.Terminal")["message"] == "not implemented"


def test_adopting_an_unset_member_that_sagemaker_filled_in_is_a_difference(stage: Stage) -> None:
    stage.aws.add(stage.request(), "Completed")
    data_source = {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://bucket/input/"}}
    stage.create(
        annotations={"services.k8s.aws/adoption-policy": "adopt-or-create"},
        transformInput={"dataSource": data_source, "contentType": "text/csv"},
    )
    assert stage.wait_condition("ACK.Terminal")["message"] == "not implemented"


def test_adopt_takes_the_spec_from_the_job(stage: Stage) -> None:
    stage.aws.add(stage.request("theirs", ModelName="another"), "Completed")
    stage.create(
        annotations={
            "services.k8s.aws/adoption-policy": "adopt",
            "services.k8s.aws/adoption-fields": '{"transformJobName": "theirs"}',
        }
    )
    job = stage.wait(lambda it: "ACK.LateInitialized" in conditions(it))
    assert job["spec"]["transformJobName"] == "theirs"
    assert job["spec"]["modelName"] == "another"
    assert job["metadata"]["annotations"]["services.k8s.aws/adopted"] == "true"
    assert job["metadata"]["finalizers"] == [FINALIZER]


def test_adopt_never_creates(stage: Stage) -> None:
    stage.create(
        annotations={
            "services.k8s.aws/adoption-policy": "adopt",
            "services.k8s.aws/adoption-fields": '{"transformJobName": "churn"}',
        }
    )
    stage.wait_calls("DescribeTransformJob", 2)
    job = stage.find() or {}
    assert "status" not in job or not job["status"]
    assert stage.aws.created == []


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        pytest.param(
            {"adoption-policy": "take"},
            'unrecognized adoption policy take. Supported policies are "adopt" and "adopt-or-create"',
            id="an unknown policy",
        ),
        pytest.param(
            {"adoption-policy": "adopt"},
            "unmarshalling adoption-fields annotation: unexpected end of JSON input",
            id="adopt without fields",
        ),
        pytest.param(
            {"adoption-policy": "adopt", "adoption-fields": "{}"},
            "Error populating adoption fields: required field missing: transformJobName",
            id="adopt without the name",
        ),
        pytest.param(
            {"adoption-policy": "adopt", "adoption-fields": "[" * 100_000},
            "unmarshalling adoption-fields annotation: exceeded max depth",
            id="adopt with fields that are nested too deeply",
        ),
    ],
)
def test_annotations_that_make_no_sense_are_terminal(stage: Stage, annotations: dict[str, str], message: str) -> None:
    stage.create(annotations={f"services.k8s.aws/{name}": value for name, value in annotations.items()})
    stage.wait_condition("ACK.Terminal")
    assert said(stage.find() or {}) == [{"type": "ACK.Terminal", "status": "True", "message": message}]
    assert stage.aws.calls == []


def test_a_read_only_object_shows_the_job_and_holds_nothing(stage: Stage) -> None:
    stage.aws.add(stage.request(), "Completed")
    stage.create(annotations={"services.k8s.aws/read-only": "true"})
    job = stage.wait_status("Completed")
    assert said(job) == [synced("ACK.ResourceSynced", "True", "Completed"), synced("Ready", "True", "Completed")]
    assert job["metadata"].get("finalizers") is None
    stage.delete()
    stage.wait_gone()
    assert stage.aws.operations("churn").count("StopTransformJob") == 0


def test_a_read_only_object_creates_nothing(stage: Stage) -> None:
    stage.create(annotations={"services.k8s.aws/read-only": "true"})
    stage.wait_calls("DescribeTransformJob", 2)
    assert stage.aws.created == []


# Changes


def test_a_changed_spec_is_not_implemented(stage: Stage) -> None:
    finished(stage)
    stage.change(spec={"modelName": "another"})
    terminal = stage.wait_condition("ACK.Terminal")
    assert terminal == {"type": "ACK.Terminal", "status": "True", "message": "not implemented"}
    job = stage.find() or {}
    assert [entry["type"] for entry in said(job)] == ["ACK.ResourceSynced", "ACK.Terminal", "Ready"]
    assert conditions(job)["ACK.ResourceSynced"]["status"] == "True"
    assert conditions(job)["Ready"]["reason"] == "ACK.Terminal"
    assert job["spec"]["modelName"] == "another"
    assert stage.aws.created == ["churn"]
    stage.change(spec={"modelName": "churn"})
    stage.wait(lambda it: said(it) == in_order("Completed", synced_status="True"))


# Regions


def test_the_annotation_decides_the_region(stage: Stage) -> None:
    stage.create(annotations={"services.k8s.aws/region": "eu-west-1"})
    job = stage.wait(lambda it: it.get("status", {}).get("transformJobStatus"))
    assert job["status"]["ackResourceMetadata"]["region"] == "eu-west-1"
    assert {call.region for call in stage.aws.calls} == {"eu-west-1"}


def test_a_changed_region_changes_nothing(stage: Stage) -> None:
    before = finished(stage)
    stage.change(metadata={"annotations": {"services.k8s.aws/region": "eu-west-1"}}, spec={"modelName": "another"})
    stage.rest()
    job = stage.find() or {}
    assert job["status"] == before["status"]
    assert {call.region for call in stage.aws.calls} == {REGION}
