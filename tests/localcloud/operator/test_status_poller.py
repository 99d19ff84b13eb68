"""The watch over running jobs: quick for a few, bounded for many."""

from __future__ import annotations

from localcloud.operator.controller import StatusPoller
from localcloud.operator.reconciler import ObservedJob
from localcloud.operator.resource import Key
from tests.localcloud.operator.fake_sagemaker import REGION, FakeSageMaker


def arranged(count: int, calls: int = 10) -> tuple[StatusPoller, FakeSageMaker, list[Key]]:
    aws, looked_at = FakeSageMaker(), list[Key]()
    poller = StatusPoller(looked_at.append, calls)
    for number in range(count):
        name = f"job-{number}"
        aws.jobs[REGION, name] = {"TransformJobName": name, "TransformJobStatus": "InProgress"}
        poller.observe(Key("default", name), ObservedJob(name, "InProgress", aws.in_region(REGION), failing=False))
    return poller, aws, looked_at


def test_a_job_that_moved_on_is_looked_at() -> None:
    poller, aws, looked_at = arranged(3)
    poller.poll()
    assert looked_at == []
    aws.settle("job-1", "Completed")
    poller.poll()
    assert looked_at == [Key("default", "job-1")]


def test_a_job_that_vanished_is_looked_at() -> None:
    poller, aws, looked_at = arranged(1)
    aws.forget()
    poller.poll()
    assert looked_at == [Key("default", "job-0")]


def test_an_endpoint_that_does_not_answer_changes_nothing() -> None:
    poller, aws, looked_at = arranged(1)
    aws.fail("DescribeTransformJob", "InternalFailure", "down", status=500)
    poller.poll()
    assert looked_at == []


def test_an_object_in_trouble_is_looked_at_as_soon_as_its_job_can_be_seen() -> None:
    poller, aws, looked_at = arranged(0)
    aws.jobs[REGION, "job"] = {"TransformJobName": "job", "TransformJobStatus": "InProgress"}
    poller.observe(Key("default", "job"), ObservedJob("job", "InProgress", aws.in_region(REGION), failing=True))
    aws.fail("DescribeTransformJob", "InternalFailure", "down", status=500)
    poller.poll()
    assert looked_at == []
    aws.heal()
    poller.poll()
    assert looked_at == [Key("default", "job")]


def test_a_finished_job_is_not_asked_for_again() -> None:
    poller, aws, _ = arranged(1)
    poller.observe(Key("default", "job-0"), ObservedJob("job-0", "Completed", aws.in_region(REGION), failing=False))
    poller.poll()
    assert aws.calls == []


def test_the_number_of_calls_is_bounded_and_each_job_gets_its_turn() -> None:
    poller, aws, _ = arranged(100)
    for _ in range(20):
        before = len(aws.calls)
        poller.poll()
        assert len(aws.calls) - before == 10
    assert {call.name for call in aws.calls} == {f"job-{number}" for number in range(100)}
    assert [call.name for call in aws.calls].count("job-0") == 20  # the longest running each time
