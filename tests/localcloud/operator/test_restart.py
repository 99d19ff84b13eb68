"""The controller killed and started again, or many objects at once: each job is created once, and nothing is forgotten."""

from __future__ import annotations

from localcloud.operator.resource import FINALIZER
from tests.localcloud.operator.stage import MemoryStage, Stage, conditions


def test_a_running_job_is_taken_up_again(stage: Stage) -> None:
    stage.create()
    stage.wait_status("InProgress")
    stage.kill()
    stage.aws.settle("churn", "Completed")
    stage.start()
    job = stage.wait_status("Completed")
    assert conditions(job)["Ready"]["status"] == "True"
    assert stage.aws.created == ["churn"]


def test_an_object_made_meanwhile_is_found(stage: Stage) -> None:
    stage.kill()
    stage.create()
    stage.start()
    stage.wait_status("InProgress")


def test_a_finalizer_without_a_job_leads_to_the_job(memory: MemoryStage) -> None:
    memory.create()
    memory.change(metadata={"finalizers": [FINALIZER]})
    memory.start()
    memory.wait_status("InProgress")
    assert memory.aws.created == ["churn"]


def test_a_finalizer_with_its_job_is_not_taken_for_somebody_elses(memory: MemoryStage) -> None:
    memory.aws.add(memory.request(), "Completed")
    memory.create()
    memory.change(metadata={"finalizers": [FINALIZER]})
    memory.start()
    job = memory.wait_status("Completed")
    assert "ACK.Terminal" not in conditions(job)
    assert memory.aws.created == []


def test_a_creation_whose_answer_was_lost_is_not_repeated(memory: MemoryStage) -> None:
    memory.aws.fail("CreateTransformJob", "InternalFailure", "oops", times=1, status=500, after_effect=True)
    memory.start()
    memory.create()
    job = memory.wait_status("InProgress")
    assert "ACK.Terminal" not in conditions(job)
    assert memory.aws.count("CreateTransformJob", "churn") == 1


def test_the_status_is_written_only_when_it_says_something_new(memory: MemoryStage) -> None:
    memory.start()
    memory.create()
    memory.wait_status("InProgress")
    memory.change(metadata={"labels": {"a": "b"}})
    writes = len(memory.cluster.writes)
    memory.kill()
    memory.start()
    memory.wait_calls("DescribeTransformJob", 6)
    memory.rest()
    assert len(memory.cluster.writes) == writes


def test_many_objects_at_once_are_each_created_once(stage: Stage) -> None:
    names = [f"job-{number}" for number in range(20)]
    for name in names:
        stage.create(name)
    for name in names:
        stage.wait_status("InProgress", name, seconds=30)
        stage.aws.settle(name, "Completed")
    for name in names:
        stage.wait_status("Completed", name, seconds=40)
    assert sorted(stage.aws.created) == sorted(names)
    for name in names:
        stage.delete(name)
    for name in names:
        stage.wait_gone(name, seconds=30)


def test_a_completed_job_is_noticed_within_a_second(memory: MemoryStage) -> None:
    memory.start()
    memory.create()
    memory.wait_status("InProgress")
    memory.aws.settle("churn", "Completed")
    memory.wait_status("Completed", seconds=10)  # it is looked at by itself after 30 s
