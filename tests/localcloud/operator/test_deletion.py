"""Deleting an object: the job is stopped if it runs, and the finalizer is removed when nothing is left to do."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.operator.resource import FINALIZER
from tests.localcloud.operator.fake_cluster import FakeCluster
from tests.localcloud.operator.stage import MemoryStage, Stage, conditions

Json = dict[str, Any]


def stopping(stage: Stage) -> Json:
    """An object that was deleted while its job ran."""
    stage.create()
    stage.wait_status("InProgress")
    stage.delete()
    stage.wait_calls("StopTransformJob")
    return stage.wait_status("Stopping")


@pytest.mark.parametrize("status", [pytest.param(status, id=status) for status in ("Completed", "Failed", "Stopped")])
def test_a_finished_job_lets_go_at_once(stage: Stage, status: str) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.settle("churn", status)
    stage.wait_status(status)
    stage.delete()
    stage.wait_gone()
    assert stage.aws.count("StopTransformJob", "churn") == 0
    assert stage.aws.status("churn") == status


def test_a_running_job_is_stopped_and_waited_for(stage: Stage) -> None:
    job = stopping(stage)
    assert job["metadata"]["finalizers"] == [FINALIZER]
    assert conditions(job)["ACK.Recoverable"] == {
        "type": "ACK.Recoverable",
        "status": "True",
        "message": "TransformJob is Stopping.",
    }
    assert conditions(job)["ACK.ResourceSynced"]["message"] == "TransformJob is in Stopping status."
    assert conditions(job)["Ready"]["message"] == "TransformJob is in InProgress status."
    stage.rest()
    assert stage.find() is not None
    stage.aws.settle("churn", "Stopped")
    stage.wait_gone()
    assert stage.aws.count("StopTransformJob", "churn") == 1


def test_deletion_in_the_foreground_keeps_the_collectors_finalizer(memory: MemoryStage) -> None:
    memory.start()
    memory.create()
    memory.wait_status("InProgress")
    memory.delete(foreground=True)
    job = memory.wait_status("Stopping")
    assert set(job["metadata"]["finalizers"]) == {FINALIZER, "foregroundDeletion"}
    memory.aws.settle("churn", "Stopped")
    memory.wait(lambda it: it["metadata"]["finalizers"] == ["foregroundDeletion"])


def test_deletion_in_the_foreground_ends(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.settle("churn", "Completed")
    stage.wait_status("Completed")
    stage.delete(foreground=True)
    stage.wait(lambda it: FINALIZER not in it.get("metadata", {}).get("finalizers", []))


def test_a_job_that_is_not_there_lets_go(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    # Before the deletion nothing may learn that the job is lost: it would be created again.
    stage.aws.fail("DescribeTransformJob", "AccessDeniedException", "not you")
    stage.aws.forget()
    stage.delete()
    stage.aws.heal()
    stage.wait_gone()
    assert stage.aws.count("CreateTransformJob", "churn") == 1


def test_an_object_stays_while_the_job_cannot_be_described(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.fail("DescribeTransformJob", "AccessDeniedException", "not you")
    before = stage.find() or {}
    described = stage.aws.count("DescribeTransformJob", "churn")
    stage.delete()
    stage.wait_calls("DescribeTransformJob", described + 2)
    assert (stage.find() or {}).get("status") == before["status"]
    stage.aws.heal()
    stage.wait_calls("StopTransformJob")
    stage.aws.settle("churn", "Stopped")
    stage.wait_gone()


def test_a_job_that_has_stopped_by_the_next_look_lets_go(stage: Stage) -> None:
    stage.aws.stops_at_once = True
    stage.create()
    stage.wait_status("InProgress")
    stage.delete()
    stage.wait_gone()
    assert stage.aws.status("churn") == "Stopped"


def test_a_job_that_ends_by_itself_meanwhile_lets_go(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.aws.fail("StopTransformJob", "ValidationException", "The job has ended.", times=1)
    stage.delete()
    stage.wait_calls("StopTransformJob")
    stage.aws.settle("churn", "Completed")
    stage.wait_gone()


def test_retain_by_annotation_leaves_the_job_alone(stage: Stage) -> None:
    stage.create(annotations={"services.k8s.aws/deletion-policy": "retain"})
    stage.wait_status("InProgress")
    stage.delete()
    stage.wait_gone()
    assert stage.aws.status("churn") == "InProgress"


def test_retain_by_namespace_leaves_the_job_alone(stage: Stage) -> None:
    stage.annotate_namespace(**{"sagemaker.services.k8s.aws/deletion-policy": "retain"})
    stage.create()
    stage.wait_status("InProgress")
    stage.delete()
    stage.wait_gone()
    assert stage.aws.status("churn") == "InProgress"


def test_without_a_controller_deletion_waits(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.kill()
    stage.aws.settle("churn", "Completed")
    stage.delete()
    stage.rest()
    assert stage.find() is not None
    stage.start()
    stage.wait_gone()


def test_a_finalizer_that_somebody_adds_meanwhile_is_kept(memory: MemoryStage) -> None:
    memory.start()
    memory.create()
    memory.wait_status("InProgress")
    memory.aws.settle("churn", "Completed")
    memory.wait_status("Completed")
    cluster: FakeCluster = memory.cluster

    def add_theirs(_kind: str, name: str, change: Json) -> None:
        if "finalizers" in change.get("metadata", {}):
            cluster.before_write = lambda *_: None
            cluster.change("default", name, {"metadata": {"finalizers": [FINALIZER, "theirs"]}})

    cluster.before_write = add_theirs
    memory.delete()
    memory.wait(lambda it: it["metadata"].get("finalizers") == ["theirs"])
